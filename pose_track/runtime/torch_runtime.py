"""How a network is run with PyTorch: one call from bytes to numbers, on a CPU or a CUDA device."""

from __future__ import annotations

from copy import deepcopy
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch.fx.experimental.optimization import fuse

from pose_track.models.inference_model import InferenceModel
from pose_track.runtime.device import resolve_device
from pose_track.runtime.machine import processor_flags
from pose_track.runtime.model_spec import check_images

Precision = Literal["auto", "float32", "bfloat16"]


def resolve_precision(name: Precision, device: str) -> torch.dtype:
    """The type a network runs in on a device. "auto" is bfloat16 on CUDA and on a CPU that calculates in it, else
    float32.

    Raises ValueError where the name is unknown, or where a CPU without bfloat16 arithmetic is to use it.
    """
    if name not in get_args(Precision):
        raise ValueError(f"unknown precision {name!r}; choose one of {', '.join(map(repr, get_args(Precision)))}")
    capable = device != "cpu" or _cpu_has_bfloat16()
    if name == "bfloat16" and not capable:
        raise ValueError("precision 'bfloat16' needs a CPU with AMX or AVX512-BF16, or a CUDA device; use 'float32'")
    return torch.bfloat16 if capable and name != "float32" else torch.float32


def _cpu_has_bfloat16() -> bool:
    return not processor_flags().isdisjoint(("amx_bf16", "avx512_bf16"))


def folded(network: InferenceModel) -> InferenceModel:
    """A copy for running only, in which the batch-norms are part of the convolutions before them."""
    ours = fuse(deepcopy(network.network).eval(), inplace=True)
    return InferenceModel(ours, network.flip_indices, network.flip_shift)


class TorchRuntime:
    """A network run by PyTorch; see `Runtime`.

    device and precision: see `resolve_device` and `resolve_precision`. fold: run a copy with batch-norms folded;
    otherwise the network itself is moved to the device and precision in place, and set to evaluation in each call, so
    that one in training is measured as it is. Convolutions run in memory with the channels last. Normalisation, and the
    average of the flip test, are always calculated in float32.
    """

    def __init__(
        self, network: InferenceModel, device: str = "auto", precision: Precision = "auto", fold: bool = False
    ) -> None:
        self.device = resolve_device(device)
        dtype = resolve_precision(precision, self.device)
        self.precision = str(dtype).removeprefix("torch.")
        self._network = folded(network) if fold else network
        self._network.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._network.network.to(dtype)

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        check_images(images)
        self._network.eval()  # a network that is trained meanwhile may have been switched back
        batch = torch.from_numpy(np.require(images, requirements=("C", "W"))).to(self.device)
        return tuple(output.cpu().numpy() for output in self._network(batch))
