"""The device that networks run on. PyTorch is imported only where an NVIDIA driver is installed."""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Callable
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

DEVICES = ("cpu", "cuda", "mps", "xpu", "tensorrt", "coreml", "directml")
"""Kinds of devices: PyTorch runs networks on the first four, ONNX Runtime on cpu and cuda and the last three."""

_NUMBERED = ("cuda", "xpu", "tensorrt", "directml")


def resolve_device(name: str) -> str:
    """The device called `name`: "cpu", "cuda", "cuda:1", "mps", "xpu" and so on. "auto" is "cuda" where there is a CUDA
    device, otherwise "cpu".

    Devices of ONNX Runtime alone are returned as they are; what opens a network with it checks that they are there.

    Raises ValueError for an unknown name or a device that is not there; ImportError for one of PyTorch without it.
    """
    if name == "auto":
        return "cuda" if _has_usable_gpu() else "cpu"
    kind, separator, number = name.partition(":")
    if kind not in DEVICES or (separator and not (kind in _NUMBERED and number.isdecimal())):
        known = ", ".join(map(repr, ("auto", *DEVICES)))
        raise ValueError(f"unknown device {name!r}; choose {known} or a numbered one like 'cuda:1'")
    if not is_torch_device(name):
        return name
    require("torch", purpose=f"device {name!r}")
    count = _COUNT[kind]()
    if not count:
        raise ValueError(f"device {name!r} cannot be used: PyTorch finds no {_TITLES[kind]} here; use 'auto' or 'cpu'")
    if number and int(number) >= count:
        raise ValueError(f"there is no device {name!r}; the last is '{kind}:{count - 1}'")
    return name


def resolve_torch_device(name: str) -> str:
    """The same for what PyTorch runs. Raises ValueError for a device that only ONNX Runtime has."""
    device = resolve_device(name)
    if device != "cpu" and not is_torch_device(device):
        raise ValueError(
            f"device {device!r} is not one of PyTorch, which runs torchvision's detectors and RAFT; use 'cpu' or a GPU "
            "of PyTorch, or a detector that is an ONNX file and tracker.flow.method dis"
        )
    return device


def is_torch_device(name: str) -> bool:
    """Whether a device is a GPU on which PyTorch runs networks.

    >>> is_torch_device("cuda:1"), is_torch_device("cpu"), is_torch_device("coreml")
    (True, False, False)
    """
    return name.partition(":")[0] in _COUNT


def device_name(device: str) -> str:
    """A device's type and product name, such as "cuda: NVIDIA A100-SXM4-40GB". device: from `resolve_device`."""
    kind = device.partition(":")[0]
    if kind not in ("cuda", "xpu"):
        return f"{kind}: {processor_name()}"
    import torch

    return f"{kind}: {getattr(torch, kind).get_device_name(device)}"


def cuda_devices() -> int:
    """The number of CUDA devices that PyTorch can use. Importing PyTorch takes seconds, so this is skipped where no
    driver is installed."""
    if not _driver_loads() or missing_modules("torch"):
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _mps_devices() -> int:
    """The number of Apple's GPUs that PyTorch can use, 0 or 1."""
    import torch

    return int(torch.backends.mps.is_available())


def _xpu_devices() -> int:
    """The number of Intel's GPUs that PyTorch can use."""
    import torch

    return torch.xpu.device_count() if torch.xpu.is_available() else 0


_COUNT: dict[str, Callable[[], int]] = {"cuda": lambda: cuda_devices(), "mps": _mps_devices, "xpu": _xpu_devices}
_TITLES = {"cuda": "CUDA device", "mps": "GPU of Apple", "xpu": "GPU of Intel"}


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
