"""How a network is run with PyTorch: one call from bytes to numbers, on a CPU or a CUDA device."""

from __future__ import annotations

import contextlib
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from pose_track.models.heatmaps import average_flipped
from pose_track.models.normalize import Normalize

Precision = Literal["auto", "float32", "bfloat16"]


def resolve_device(name: str) -> torch.device:
    """The device called `name`: "cpu", "cuda", "cuda:1" and so on, or "auto" for a CUDA device where there is one.

    Raises ValueError where the name is none of these or the device is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (":" in name and not (kind == "cuda" and number.isdecimal())):
        raise ValueError(f"unknown device {name!r}; choose 'auto', 'cpu', 'cuda' or a numbered one like 'cuda:1'")
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {name!r} was asked for but PyTorch finds no CUDA device here; use 'auto' or 'cpu'")
    if number and int(number) >= torch.cuda.device_count():
        raise ValueError(f"there is no device {name!r}; the last is 'cuda:{torch.cuda.device_count() - 1}'")
    return torch.device(name)


def resolve_precision(name: Precision, device: torch.device) -> torch.dtype:
    """The type convolutions run in. "auto" is bfloat16 on CUDA and float32 on a CPU.

    Raises ValueError where the name is unknown, or where a CPU without bfloat16 arithmetic is to use it.
    """
    if name not in get_args(Precision):
        raise ValueError(f"unknown precision {name!r}; choose one of {', '.join(map(repr, get_args(Precision)))}")
    if name == "bfloat16" and device.type == "cpu" and not _cpu_has_bfloat16():
        raise ValueError("precision 'bfloat16' needs a CPU with AMX or AVX512-BF16, or a CUDA device; use 'float32'")
    on_cuda = name == "auto" and device.type == "cuda"
    return torch.bfloat16 if name == "bfloat16" or on_cuda else torch.float32


def _cpu_has_bfloat16() -> bool:
    found = torch.cpu.get_capabilities()
    return bool(found.get("amx_bf16") or found.get("avx512_bf16"))


class TorchRuntime:
    """A network as a function from pictures to arrays: (B, H, W, 3) uint8 RGB -> (B, K, h, w) float32.

    network: takes normalised RGB (B, 3, H, W) and gives a tensor, or two for `with_looks`; it is moved to the device
    and set to evaluation in place. device and precision: see `resolve_device` and `resolve_precision`. flip_indices:
    (K,) twins of the joints (`Skeleton.flip_indices`); where given, the mirrored pictures are run too and the heatmaps
    of both averaged, the mirrored ones moved one cell to the right where flip_shift (`Codec.flip_shift`) says so.
    """

    def __init__(
        self,
        network: nn.Module,
        device: str = "auto",
        precision: Precision = "auto",
        flip_indices: ArrayLike | None = None,
        flip_shift: bool = True,
    ) -> None:
        self.device = resolve_device(device)
        self.dtype = resolve_precision(precision, self.device)
        self._flip_indices = flip_indices
        self._flip_shift = flip_shift
        model = nn.Sequential(Normalize(), network).eval()
        self._model = model.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on a batch. Raises ValueError on another shape or type than (B, H, W, 3) uint8."""
        return self._outputs(images)[0]

    def with_looks(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What a call gives, and the second output of a network that has two, such as `HRNetWithLooks`: (B, C, h, w)
        of the pictures as they are, not mirrored. Raises ValueError as a call does, and for a network of one output."""
        outputs = self._outputs(images)
        if len(outputs) != 2:
            raise ValueError(f"the network must give two outputs, got {len(outputs)}; wrap it in HRNetWithLooks")
        return outputs[0], outputs[1]

    @torch.inference_mode()
    def _outputs(self, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
            raise ValueError(f"images must be (B, H, W, 3) uint8, got {images.shape} {images.dtype}")
        batch = torch.from_numpy(np.require(images, requirements=("C", "W"))).to(self.device)
        batch = batch.permute(0, 3, 1, 2)  # (B, H, W, 3) -> (B, 3, H, W), in memory still channels last
        first, *others = self._forward(batch)
        if self._flip_indices is not None:
            first = average_flipped(first, self._forward(batch.flip(-1))[0], self._flip_indices, self._flip_shift)
        return [np.asarray(output.cpu().numpy()) for output in (first, *others)]

    def _forward(self, batch: Tensor) -> list[Tensor]:
        self._model.eval()  # a network that is trained meanwhile may have been switched back
        with self._autocast():
            output: Tensor | tuple[Tensor, ...] = self._model(batch)
        return [part.float() for part in (output if isinstance(output, tuple) else (output,))]

    def _autocast(self) -> contextlib.AbstractContextManager[object]:
        if self.dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.dtype)
