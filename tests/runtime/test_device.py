"""Devices by name, and that PyTorch is not imported where there is no driver."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from pose_track.runtime import device
from pose_track.runtime.device import cuda_devices, resolve_device


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cuda_devices", lambda: 0)
    assert resolve_device("cpu") == resolve_device("auto") == "cpu"
    with pytest.raises(ValueError, match=r"'cuda' .*use 'auto' or 'cpu'"):
        resolve_device("cuda")
    monkeypatch.setattr(device, "cuda_devices", lambda: 2)
    assert resolve_device("auto") == resolve_device("cuda") == "cuda"
    assert resolve_device("cuda:1") == "cuda:1"
    assert resolve_device("cpu") == "cpu"
    with pytest.raises(ValueError, match="'cuda:2'; the last is 'cuda:1'"):
        resolve_device("cuda:2")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:", "cuda:x", "cpu:0", "CUDA"])
def test_unknown_devices(name: str) -> None:
    with pytest.raises(ValueError, match=r"unknown device.*'auto', 'cpu', 'cuda'"):
        resolve_device(name)


@pytest.mark.parametrize(
    ("driver", "available", "expected"), [(False, True, 0), (True, False, 0), (True, True, 3)], ids=str
)
def test_a_device_takes_a_driver_and_a_pytorch_that_uses_it(
    driver: bool, available: bool, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_driver_loads", lambda: driver)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert cuda_devices() == expected


def test_a_driver_is_a_library_that_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> object:
        assert name == "libcuda.so.1"
        if missing:
            raise OSError
        return object()

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(device.ctypes, "CDLL", load)
    missing = True
    assert not device._driver_loads()
    missing = False
    assert device._driver_loads()


def test_pytorch_is_not_asked_where_there_is_no_driver() -> None:
    code = """
import sys
from pose_track.runtime import device
device._driver_loads = lambda: False
print(device.resolve_device("auto"), "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cpu", "False"]
