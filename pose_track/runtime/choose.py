"""Which runtime runs a network."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal, get_args

from pose_track.runtime.plan import Plan, Runtime

RuntimeName = Literal["auto", "torch", "openvino"]


def resolve_runtime(name: RuntimeName, device: str) -> RuntimeName:
    """What a name means on a device (see `resolve_device`): "torch" or "openvino". "auto" is OpenVINO on a CPU where it
    is installed.

    Raises ValueError where the name is unknown, or OpenVINO was asked for and cannot be had.
    """
    if name not in get_args(RuntimeName):
        raise ValueError(f"unknown runtime {name!r}; choose one of {', '.join(map(repr, get_args(RuntimeName)))}")
    installed = find_spec("openvino") is not None
    if name == "openvino" and device != "cpu":
        raise ValueError(f"runtime 'openvino' runs on the CPU only, not on {device!r}; use 'torch' or device 'cpu'")
    if name == "openvino" and not installed:
        raise ValueError("runtime 'openvino' needs the package openvino; install it or use 'torch'")
    return "openvino" if name != "torch" and device == "cpu" and installed else "torch"


def make_runtime(plan: Plan, runtime: RuntimeName = "auto", device: str = "cpu") -> Runtime:
    """The network of `plan` ready to run; see `resolve_runtime`."""
    if resolve_runtime(runtime, device) == "openvino":
        from pose_track.runtime.openvino_runtime import OpenVinoRuntime

        return OpenVinoRuntime(plan)
    from pose_track.runtime.torch_runtime import TorchRuntime  # takes seconds: not where the other one does

    return TorchRuntime(plan.make(), device, fold=True)
