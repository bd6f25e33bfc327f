"""Devices by name. PyTorch is not imported where there is no driver."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
import torch

from pose_track.flow.raft import Raft
from pose_track.runtime import device
from pose_track.runtime.device import cuda_devices, device_name, resolve_device, resolve_torch_device
from pose_track.runtime.torch_runtime import resolve_precision
from pose_track.utils import extras
from pose_track.utils.machine import processor_name


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_driver_loads", lambda: True)
    monkeypatch.setattr(device, "cuda_devices", lambda: 0)
    assert resolve_device("cpu") == resolve_device("auto") == "cpu"
    with pytest.raises(ValueError, match=r"'cuda'.*'auto' or 'cpu'"):
        resolve_device("cuda")
    monkeypatch.setattr(device, "cuda_devices", lambda: 2)
    assert resolve_device("auto") == resolve_device("cuda") == "cuda"
    assert resolve_device("cuda:1") == "cuda:1"
    assert resolve_device("cpu") == "cpu"
    with pytest.raises(ValueError, match=r"'cuda:2'.*'cuda:1'"):
        resolve_device("cuda:2")


def test_a_gpu_without_pytorch(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The command that installs PyTorch is logged once a process; asking for the GPU is an error."""
    monkeypatch.setattr(device, "_driver_loads", lambda: True)
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    device._log_gpu_hint.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert [resolve_device("auto") for _ in range(2)] == ["cpu", "cpu"]
        assert resolve_device("cpu") == "cpu"
    (message,) = caplog.messages
    assert "pip install 'pose_track[gpu]'" in message
    with pytest.raises(ImportError, match=r"'cuda'.*pip install 'pose_track\[gpu\]'"):
        resolve_device("cuda")


def test_gpus_of_apple_and_intel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here PyTorch has neither; where it has one, "auto" does not take it."""
    for name, title in (("mps", "Apple"), ("xpu", "Intel"), ("xpu:1", "Intel")):
        with pytest.raises(ValueError, match=rf"'{name}' cannot be used: PyTorch finds no GPU of {title} here"):
            resolve_device(name)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.xpu, "is_available", lambda: True)
    monkeypatch.setattr(torch.xpu, "device_count", lambda: 2)
    monkeypatch.setattr(device, "_driver_loads", lambda: False)
    assert [resolve_device(name) for name in ("mps", "xpu", "xpu:1", "auto")] == ["mps", "xpu", "xpu:1", "cpu"]
    with pytest.raises(ValueError, match=r"'xpu:2'.*'xpu:1'"):
        resolve_device("xpu:2")


def test_devices_of_onnx_runtime_are_checked_by_it() -> None:
    assert [resolve_device(name) for name in ("coreml", "tensorrt:1", "directml")] == [
        *("coreml", "tensorrt:1", "directml")
    ]


def test_what_needs_pytorch_refuses_devices_of_onnx_runtime() -> None:
    assert resolve_torch_device("cpu") == "cpu"
    with pytest.raises(ValueError, match=r"'coreml' is not one of PyTorch"):
        resolve_torch_device("coreml")
    with pytest.raises(ValueError, match=r"'directml:1' is not one of PyTorch"):
        Raft(torch.nn.Identity(), "directml:1")


def test_gpus_of_apple_run_float32() -> None:
    assert resolve_precision("auto", "mps") == torch.float32
    assert resolve_precision("auto", "xpu") == torch.bfloat16
    with pytest.raises(ValueError, match="bfloat16"):
        resolve_precision("bfloat16", "mps")


def test_device_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device_name("cpu") == f"cpu: {processor_name()}"
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU {device[-1]}")
    assert device_name("cuda:1") == "cuda: GPU 1"
    monkeypatch.setattr(torch.xpu, "get_device_name", lambda device: "Arc")
    assert device_name("xpu") == "xpu: Arc"
    assert device_name("mps") == f"mps: {processor_name()}"


@pytest.mark.parametrize("name", ["gpu", "", "cuda:", "cuda:x", "cpu:0", "CUDA", "mps:0", "coreml:0", "tensorrt:"])
def test_unknown_devices(name: str) -> None:
    with pytest.raises(ValueError, match=r"unknown device.*'auto', 'cpu', 'cuda'"):
        resolve_device(name)


@pytest.mark.parametrize(
    ("driver", "available", "expected"), [(False, True, 0), (True, False, 0), (True, True, 3)], ids=str
)
def test_a_device_needs_a_driver_and_pytorch_with_cuda(
    driver: bool, available: bool, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_driver_loads", lambda: driver)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert cuda_devices() == expected


def test_a_driver_is_a_loadable_library(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_pytorch_is_not_imported_without_a_driver() -> None:
    code = """
import sys
from pose_track.runtime import device
device._driver_loads = lambda: False
print(device.resolve_device("auto"), "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cpu", "False"]
