"""The choice of the runtime that runs a network."""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from pose_track.runtime.device import is_torch_device
from pose_track.runtime.model_spec import ModelSpec, Precision, Runtime
from pose_track.utils.extras import missing_modules, require

RuntimeName = Literal["auto", "torch", "openvino", "onnx"]


def resolve_runtime(name: RuntimeName, device: str, precision: Precision = "auto") -> RuntimeName:
    """The runtime that a name stands for on a device: "torch", "openvino" or "onnx".

    "auto" is OpenVINO on a CPU where it is installed, ONNX Runtime on a device that PyTorch does not have, otherwise
    PyTorch. device: from `resolve_device`.

    Raises ValueError for an unknown name or precision, a runtime that the device does not have, bfloat16 in ONNX
    Runtime, or int8 in PyTorch; ImportError where the runtime is not installed.
    """
    if name not in get_args(RuntimeName):
        raise ValueError(f"unknown runtime {name!r}; choose one of {', '.join(map(repr, get_args(RuntimeName)))}")
    if precision not in get_args(Precision):
        known = ", ".join(map(repr, get_args(Precision)))
        raise ValueError(f"unknown precision {precision!r}; choose one of {known}")
    if name == "openvino" and device != "cpu":
        raise ValueError(f"runtime 'openvino' runs on the CPU only, not on {device!r}; use 'torch' or device 'cpu'")
    if name == "onnx" and device.partition(":")[0] in ("mps", "xpu"):
        raise ValueError(f"runtime 'onnx' does not run on {device!r}; use 'torch', or device 'coreml' or 'cpu'")
    if name == "torch" and not (device == "cpu" or is_torch_device(device)):
        raise ValueError(f"runtime 'torch' does not run on {device!r}; use 'onnx'")
    if name == "onnx" and precision == "bfloat16":
        raise ValueError("runtime 'onnx' has no precision 'bfloat16'; use 'float32', or runtime 'openvino' or 'torch'")
    if name == "auto":
        is_cpu = device == "cpu"
        name = "openvino" if is_cpu and not missing_modules("openvino") else "torch"
        name = name if is_cpu or is_torch_device(device) else "onnx"
    if name == "torch" and precision == "int8":
        raise ValueError("runtime 'torch' has no precision 'int8'; use 'auto', or runtime 'openvino' on a CPU")
    _check_installed(name)
    return name


def _check_installed(name: RuntimeName) -> None:
    """Raises ImportError. ONNX Runtime also needs onnx, by which PyTorch writes ONNX files."""
    if name == "onnx":
        require("onnxruntime", purpose="runtime 'onnx'")
    elif name == "torch":
        require("torch", purpose="runtime 'torch'")
    elif missing_modules("openvino"):
        raise ImportError("runtime 'openvino' needs openvino; pip install openvino, or choose another runtime")


def check_stated_types(path: Path, precision: Precision) -> None:
    """Raises ValueError for int8 with a file that states the types of its values itself."""
    if precision == "int8":
        raise ValueError(f"{str(path)!r} states its types itself; use precision 'auto' instead of 'int8'")


def make_runtime(
    spec: ModelSpec, name: RuntimeName = "auto", device: str = "cpu", precision: Precision = "auto"
) -> Runtime:
    """The network of `spec`, ready to run. "auto" is int8 where the network has a graph for it and OpenVINO runs it on
    x86, whose rate in eight bits was measured.

    Raises as `resolve_runtime`; ValueError for a precision that the processor or the network does not have.
    """
    chosen = resolve_runtime(name, device, precision)
    if precision == "auto" and chosen == "openvino" and spec.int8 is not None and _is_x86():
        precision = "int8"
    if precision == "int8":
        spec = _in_eight_bits(spec)
    if chosen == "openvino":
        from pose_track.runtime.openvino_runtime import OpenVinoRuntime

        return OpenVinoRuntime(spec, precision)
    if chosen == "onnx":
        from pose_track.runtime.onnx_runtime import OnnxRuntime

        return OnnxRuntime(spec, device, precision)
    from pose_track.runtime.torch_runtime import TorchRuntime  # PyTorch takes seconds to import

    return TorchRuntime(spec.build(), device, precision, fold=True)


def _is_x86() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64")


def _in_eight_bits(spec: ModelSpec) -> ModelSpec:
    """The same network by its graph in eight bits. Raises ValueError without one."""
    if spec.int8 is None:
        raise ValueError(
            f"there is no {spec.key.split()[0]} in precision 'int8', only the bundled networks without flip test; "
            "use 'auto'"
        )
    return replace(spec, onnx=spec.int8, key=f"{spec.key}, int8")
