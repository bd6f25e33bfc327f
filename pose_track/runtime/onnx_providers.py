"""The devices that ONNX Runtime runs networks on, by its execution providers."""

from __future__ import annotations

import onnxruntime as ort

_CPU = "CPUExecutionProvider"

PROVIDERS = {
    "cpu": (_CPU, "onnxruntime"),
    "cuda": ("CUDAExecutionProvider", "onnxruntime-gpu"),
    "tensorrt": ("TensorrtExecutionProvider", "onnxruntime-gpu and tensorrt"),
    "coreml": ("CoreMLExecutionProvider", "onnxruntime on macOS"),
    "directml": ("DmlExecutionProvider", "onnxruntime-directml on Windows"),
}
"""By kind of device: ONNX Runtime's name of it, and the packages that contain it."""


def has_provider(device: str) -> bool:
    """Whether this installation of ONNX Runtime runs networks on a device."""
    return PROVIDERS.get(device.partition(":")[0], ("", ""))[0] in ort.get_available_providers()


def device_providers(device: str) -> list[str | tuple[str, dict[str, int]]]:
    """The execution providers for a device: its own, then the CPU's for operations that it does not have.

    device: "cuda:1" for the second one, and so on.

    Raises ValueError for a device that ONNX Runtime does not have, or not in this installation.
    """
    kind, _, number = device.partition(":")
    if kind not in PROVIDERS:
        raise ValueError(f"ONNX Runtime has no device {device!r}; choose one of {', '.join(PROVIDERS)}")
    name, packages = PROVIDERS[kind]
    installed = ort.get_available_providers()
    if name not in installed:
        here = ", ".join(known for known, (provider, _) in PROVIDERS.items() if provider in installed)
        raise ValueError(f"device {device!r} needs {packages} for ONNX Runtime, which has only {here} here")
    provider: str | tuple[str, dict[str, int]] = (name, {"device_id": int(number)}) if number else name
    return [provider] if kind == "cpu" else [provider, _CPU]
