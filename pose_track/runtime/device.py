"""Which device networks run on, found out without PyTorch where there can be no other than the processor."""

from __future__ import annotations

import ctypes
import sys
from typing import TYPE_CHECKING

import numpy as np

from pose_track.structures.frames import ImageArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def resolve_device(name: str) -> str:
    """The device called `name`: "cpu", "cuda", "cuda:1" and so on, or "auto" for "cuda" where there is such a device.

    Raises ValueError where the name is none of these or the device is not there.
    """
    if name == "auto":
        return "cuda" if cuda_devices() else "cpu"
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (":" in name and not (kind == "cuda" and number.isdecimal())):
        raise ValueError(f"unknown device {name!r}; choose 'auto', 'cpu', 'cuda' or a numbered one like 'cuda:1'")
    if kind == "cuda" and not cuda_devices():
        raise ValueError(f"device {name!r} was asked for but PyTorch finds no CUDA device here; use 'auto' or 'cpu'")
    if number and int(number) >= cuda_devices():
        raise ValueError(f"there is no device {name!r}; the last is 'cuda:{cuda_devices() - 1}'")
    return name


def cuda_devices() -> int:
    """How many CUDA devices PyTorch can use. Importing it takes seconds, so it is asked only where a driver is."""
    if not _driver_loads():
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _driver_loads() -> bool:
    """Whether NVIDIA's driver is installed."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def upload(image: ImageArray, device: torch.device) -> Tensor:
    """A picture (H, W, 3) uint8 as a tensor on `device`. To a GPU it goes from pinned memory, and the call does not
    wait until it is there; whatever uses it there does."""
    import torch

    picture = torch.from_numpy(np.require(image, requirements=("C", "W")))
    return picture.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else picture
