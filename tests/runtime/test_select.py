from __future__ import annotations

import platform
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from pose_track.models.inference_model import InferenceModel
from pose_track.runtime import openvino_compile, openvino_runtime, torch_runtime
from pose_track.runtime.bundled import bundled_folder
from pose_track.runtime.model_spec import ModelSpec, Precision
from pose_track.runtime.openvino_runtime import OpenVinoRuntime
from pose_track.runtime.select import make_runtime, resolve_runtime
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.utils import extras

ALL = ("torch", "openvino", "onnx", "onnxruntime")
LIGHT = ("openvino",)
IMAGES = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)


def install(packages: Collection[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda package: package if package in packages else None)


@pytest.mark.parametrize(
    ("name", "device", "installed", "expected"),
    [
        ("auto", "cpu", ALL, "openvino"),
        ("auto", "cpu", LIGHT, "openvino"),
        ("auto", "cpu", ("torch", "onnx", "onnxruntime"), "torch"),
        ("auto", "cuda:1", ALL, "torch"),
        ("torch", "cpu", ALL, "torch"),
        ("torch", "cuda", ("torch",), "torch"),
        ("openvino", "cpu", LIGHT, "openvino"),
        ("onnx", "cuda", ALL, "onnx"),
        ("auto", "coreml", ALL, "onnx"),
        ("onnx", "cpu", ("onnxruntime",), "onnx"),  # onnx and torch are needed only to convert
    ],
)
def test_which_runtime(
    name: Any, device: str, installed: Collection[str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(installed, monkeypatch)
    assert resolve_runtime(name, device) == expected


@pytest.mark.parametrize(
    ("name", "device", "precision", "named"),
    [
        ("openvino", "cuda", "auto", "'openvino'.*'cuda'.*'torch'"),
        ("onnx", "mps", "auto", "'onnx'.*'mps'.*'torch'.*'coreml'"),
        ("torch", "coreml", "auto", "'torch'.*'coreml'.*'onnx'"),
        ("onnx", "cpu", "bfloat16", "'onnx'.*'bfloat16'.*'float32'"),
        ("tensorrt", "cpu", "auto", "'tensorrt'.*'auto', 'torch', 'openvino', 'onnx'"),
        ("torch", "cpu", "int8", "'torch'.*'int8'.*'auto'"),
        ("auto", "cpu", "half", "'half'.*'auto', 'float32', 'bfloat16'"),
    ],
)
def test_invalid_runtimes(name: Any, device: str, precision: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        resolve_runtime(name, device, precision)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("openvino", "pip install openvino"),
        ("onnx", r"pip install 'pose_track\[onnx\]'"),
        ("torch", r"pip install 'pose_track\[gpu\]'"),
        ("auto", r"pip install 'pose_track\[gpu\]'"),
    ],
)
def test_a_runtime_that_is_not_installed(name: Any, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    install((), monkeypatch)
    with pytest.raises(ImportError, match=command):
        resolve_runtime(name, "cpu")


def check_max_pool(name: Any, kind: type) -> None:
    run = make_runtime(ModelSpec(lambda: InferenceModel(nn.MaxPool2d(4)), "maximum of 4x4"), name)
    assert isinstance(run, kind)
    (output,) = run(np.zeros((2, 8, 12, 3), np.uint8))
    assert output.shape == (2, 3, 2, 3)


@pytest.mark.parametrize(("name", "kind"), [("torch", TorchRuntime), ("openvino", OpenVinoRuntime)])
def test_runtimes_by_name(name: Any, kind: type) -> None:
    check_max_pool(name, kind)


def test_onnx_by_name() -> None:
    pytest.importorskip("onnx", reason="networks are exported by onnx; pip install 'pose_track[onnx]'")
    pytest.importorskip("onnxruntime", reason="networks are run by onnxruntime; pip install 'pose_track[onnx]'")
    from pose_track.runtime.onnx_runtime import OnnxRuntime

    check_max_pool("onnx", OnnxRuntime)


def test_pytorch_runs_a_folded_network() -> None:
    network = InferenceModel(nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)))
    run = make_runtime(ModelSpec(lambda: network, "any"), "torch")
    assert isinstance(run, TorchRuntime)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in run._network.modules())


class CompileRecorder:
    """An OpenVINO core of a processor with bfloat16 that records the properties of compiled networks."""

    def __init__(self) -> None:
        self.core, self.hints = openvino_compile.core(), list[object]()

    def compile_model(self, model: object, device: str, config: dict[str, object]) -> object:
        self.hints.append(config.get("INFERENCE_PRECISION_HINT"))
        return self.core.compile_model(model, device, config)

    def get_property(self, device: str, name: str) -> object:
        return ["FP32", "BF16"] if name == "OPTIMIZATION_CAPABILITIES" else self.core.get_property(device, name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.core, name)


def test_precision_reaches_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = CompileRecorder()
    monkeypatch.setattr(openvino_compile, "core", lambda: recorder)
    spec = ModelSpec(lambda: InferenceModel(nn.MaxPool2d(4)), "maximum in each precision", image_size=(8, 8))
    runs = [make_runtime(spec, "openvino", precision=precision) for precision in ("auto", "float32", "bfloat16")]
    assert recorder.hints == [None, "f32", "bf16"]
    assert runs[1].precision == "float32"


@pytest.mark.parametrize(
    ("machine", "precision", "expected"),
    [
        ("x86_64", "auto", "int8"),
        ("AMD64", "auto", "int8"),
        ("aarch64", "auto", "float32"),
        ("aarch64", "int8", "int8"),
        ("x86_64", "float32", "float32"),
    ],
)
def test_when_networks_run_in_eight_bits(
    machine: str, precision: Precision, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(openvino_runtime, "resolve_precision", lambda asked: "float32" if asked == "auto" else asked)
    folder = bundled_folder()
    spec = ModelSpec(lambda: pytest.fail("built"), "pose", folder / "pose.onnx", int8=folder / "pose_int8.onnx")
    run = make_runtime(spec, "openvino", precision=precision)
    is_rounded = np.array_equal(run(IMAGES)[0], make_runtime(spec, "openvino", precision="int8")(IMAGES)[0])
    assert (run.precision, is_rounded) == (expected, expected == "int8")


def test_a_network_without_eight_bits(tmp_path: Path) -> None:
    spec = ModelSpec(lambda: InferenceModel(nn.Conv2d(3, 2, 1)), "hrnet of 17 joints")
    with pytest.raises(ValueError, match=r"no hrnet in precision 'int8'.*without flip test.*'auto'"):
        make_runtime(spec, "openvino", precision="int8")
    with pytest.raises(ValueError, match=r"PyTorch.*'int8'.*'auto'"):
        TorchRuntime(InferenceModel(nn.Conv2d(3, 2, 1)), "cpu", "int8")


def test_precision_reaches_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_runtime, "_cpu_has_bfloat16", lambda: True)
    spec = ModelSpec(lambda: InferenceModel(nn.Conv2d(3, 2, 1)), "any")
    precisions = [make_runtime(spec, "torch", precision=name).precision for name in ("auto", "float32", "bfloat16")]
    assert precisions == ["bfloat16", "float32", "bfloat16"]


@pytest.mark.parametrize("name", ["openvino", "torch"])
def test_bfloat16_on_a_processor_without_it(name: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_runtime, "_cpu_has_bfloat16", lambda: False)
    monkeypatch.setattr(openvino_compile, "has_bfloat16", lambda: False)
    spec = ModelSpec(lambda: InferenceModel(nn.Conv2d(3, 2, 1)), "any")
    with pytest.raises(ValueError, match=r"'bfloat16'.*'float32'"):
        make_runtime(spec, name, precision="bfloat16")
