"""Networks run by PyTorch, on a CPU or a GPU."""

from __future__ import annotations

from copy import deepcopy
from typing import get_args

import numpy as np
import torch
from torch.fx.experimental.optimization import fuse

from pose_track.models.inference_model import InferenceModel
from pose_track.runtime.device import resolve_device
from pose_track.runtime.model_spec import Precision, check_images
from pose_track.structures.arrays import Float32Array, ImageArray
from pose_track.utils.machine import processor_flags


def resolve_precision(name: Precision, device: str) -> torch.dtype:
    """The type in which a network runs on a device. "auto" is bfloat16 on GPUs of NVIDIA and Intel and on a CPU with
    bfloat16 arithmetic, otherwise float32.

    Raises ValueError for an unknown name, for int8, and for bfloat16 on a CPU without bfloat16 arithmetic or a GPU of
    Apple, where it depends on the version of the system.
    """
    if name not in get_args(Precision):
        raise ValueError(f"unknown precision {name!r}; choose one of {', '.join(map(repr, get_args(Precision)))}")
    if name == "int8":
        raise ValueError("PyTorch has no precision 'int8'; use 'auto'")
    has_bfloat16 = device != "mps" and (device != "cpu" or _cpu_has_bfloat16())
    if name == "bfloat16" and not has_bfloat16:
        processors = "a CPU with AMX or AVX512-BF16, or a GPU of NVIDIA or Intel"
        raise ValueError(f"precision 'bfloat16' needs {processors}; use 'float32'")
    return torch.bfloat16 if has_bfloat16 and name != "float32" else torch.float32


def _cpu_has_bfloat16() -> bool:
    return not processor_flags().isdisjoint(("amx_bf16", "avx512_bf16"))


def fold_batch_norms(network: InferenceModel) -> InferenceModel:
    """A copy for inference only, with each batch norm folded into the convolution before it."""
    folded = fuse(deepcopy(network.network).eval(), inplace=True)
    return InferenceModel(folded, network.flip_indices, network.flip_shift)


class TorchRuntime:
    """A network run by PyTorch; see `Runtime`. Convolutions run in channels-last memory. Normalisation and the average
    of the flip test are always calculated in float32.

    Args:
        network: the network. Without `fold` it is itself moved to the device and converted to the precision, and every
            call sets it to evaluation, so that a network in training can be validated.
        device, precision: see `resolve_device` and `resolve_precision`.
        fold: run a copy with batch norms folded.
    """

    def __init__(
        self, network: InferenceModel, device: str = "auto", precision: Precision = "auto", fold: bool = False
    ) -> None:
        self.device = resolve_device(device)
        dtype = resolve_precision(precision, self.device)
        self.precision = str(dtype).removeprefix("torch.")
        self._network = fold_batch_norms(network) if fold else network
        self._network.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._network.network.to(dtype)

    @torch.inference_mode()
    def __call__(self, images: ImageArray) -> tuple[Float32Array, ...]:
        check_images(images)
        self._network.eval()  # the training loop may have switched it back
        batch = torch.from_numpy(np.require(images, requirements=("C", "W"))).to(self.device)
        return tuple(output.cpu().numpy() for output in self._network(batch))
