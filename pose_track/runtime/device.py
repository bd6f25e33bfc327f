"""The device that networks run on. PyTorch is imported only where an NVIDIA driver is installed."""

from __future__ import annotations

import ctypes
import logging
import sys
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pose_track.structures.arrays import ImageArray
from pose_track.utils.extras import install_command, missing_modules, require
from pose_track.utils.machine import processor_name

if TYPE_CHECKING:
    import torch
    from torch import Tensor

logger = logging.getLogger(__name__)


def resolve_device(name: str) -> str:
    """The device called `name`: "cpu", "cuda", "cuda:1" and so on. "auto" is "cuda" where there is a CUDA device,
    otherwise "cpu".

    Raises ValueError for an unknown name or a device that is not there; ImportError for "cuda" without PyTorch.
    """
    if name == "auto":
        return "cuda" if _has_usable_gpu() else "cpu"
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (":" in name and not (kind == "cuda" and number.isdecimal())):
        raise ValueError(f"unknown device {name!r}; choose 'auto', 'cpu', 'cuda' or a numbered one like 'cuda:1'")
    if kind == "cpu":
        return name
    require("torch", purpose=f"device {name!r}")
    count = cuda_devices()
    if not count:
        raise ValueError(f"device {name!r} cannot be used: PyTorch finds no CUDA device here; use 'auto' or 'cpu'")
    if number and int(number) >= count:
        raise ValueError(f"there is no device {name!r}; the last is 'cuda:{count - 1}'")
    return name


def device_name(device: str) -> str:
    """A device's type and product name, such as "cuda: NVIDIA A100-SXM4-40GB". device: from `resolve_device`."""
    kind = device.partition(":")[0]
    if kind != "cuda":
        return f"{kind}: {processor_name()}"
    import torch

    return f"{kind}: {torch.cuda.get_device_name(device)}"


def cuda_devices() -> int:
    """The number of CUDA devices that PyTorch can use. Importing PyTorch takes seconds, so this is skipped where no
    driver is installed."""
    if not _driver_loads() or missing_modules("torch"):
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _has_usable_gpu() -> bool:
    """Whether there is a CUDA device; logs how to use the GPU where there is a driver but no PyTorch."""
    if _driver_loads() and missing_modules("torch"):
        _log_gpu_hint()
    return cuda_devices() > 0


@cache
def _log_gpu_hint() -> None:
    """Once a process."""
    logger.warning("this machine has an NVIDIA GPU, which is not used without PyTorch; %s", install_command("torch"))


def _driver_loads() -> bool:
    """Whether NVIDIA's driver is installed."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def upload(image: ImageArray, device: torch.device) -> Tensor:
    """An image (H, W, 3) as a tensor on `device`. To a GPU it is copied from pinned memory, asynchronously: operations
    on the same stream wait for it, the caller does not."""
    import torch

    tensor = torch.from_numpy(np.require(image, requirements=("C", "W")))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor
