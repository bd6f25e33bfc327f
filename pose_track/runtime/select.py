"""Which runtime runs a network."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal, get_args

from pose_track.runtime.model_spec import ModelSpec, Runtime

RuntimeName = Literal["auto", "torch", "openvino", "onnx"]

_PACKAGES = {"openvino": ("openvino",), "onnx": ("onnx", "onnxruntime")}
_INSTALL = {"openvino": "pip install openvino", "onnx": "pip install -e '.[onnx]'"}


def resolve_runtime(name: RuntimeName, device: str) -> RuntimeName:
    """What a name means on a device (see `resolve_device`): "torch", "openvino" or "onnx". "auto" is OpenVINO on a CPU
    where it is installed, else PyTorch.

    Raises ValueError where the name is unknown, or where OpenVINO or ONNX Runtime was asked for and cannot be had.
    """
    if name not in get_args(RuntimeName):
        raise ValueError(f"unknown runtime {name!r}; choose one of {', '.join(map(repr, get_args(RuntimeName)))}")
    if name == "auto":
        return "openvino" if device == "cpu" and not _lacking("openvino") else "torch"
    if name == "torch":
        return name
    if device != "cpu":
        raise ValueError(f"runtime {name!r} runs on the CPU only, not on {device!r}; use 'torch' or device 'cpu'")
    if lacking := _lacking(name):
        raise ValueError(f"runtime {name!r} needs {' and '.join(lacking)}; {_INSTALL[name]}, or choose another")
    return name


def _lacking(runtime: str) -> list[str]:
    """The packages that a runtime needs and that are not installed."""
    return [package for package in _PACKAGES[runtime] if find_spec(package) is None]


def make_runtime(plan: ModelSpec, runtime: RuntimeName = "auto", device: str = "cpu") -> Runtime:
    """The network of `plan` ready to run; see `resolve_runtime`."""
    chosen = resolve_runtime(runtime, device)
    if chosen == "openvino":
        from pose_track.runtime.openvino_runtime import OpenVinoRuntime

        return OpenVinoRuntime(plan)
    if chosen == "onnx":
        from pose_track.runtime.onnx_runtime import OnnxRuntime

        return OnnxRuntime(plan)
    from pose_track.runtime.torch_runtime import TorchRuntime  # takes seconds: not where the others do

    return TorchRuntime(plan.make(), device, fold=True)
