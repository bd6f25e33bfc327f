from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import numpy as np
import pytest
from torch import nn

from pose_track.models.inference_model import InferenceModel
from pose_track.runtime import select as choose
from pose_track.runtime.model_spec import ModelSpec
from pose_track.runtime.openvino_runtime import OpenVinoRuntime
from pose_track.runtime.select import make_runtime, resolve_runtime
from pose_track.runtime.torch_runtime import TorchRuntime

ALL = ("openvino", "onnx", "onnxruntime")


def install(packages: Collection[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "find_spec", lambda package: package if package in packages else None)


@pytest.mark.parametrize(
    ("name", "device", "installed", "expected"),
    [
        ("auto", "cpu", ALL, "openvino"),
        ("auto", "cpu", ("onnx", "onnxruntime"), "torch"),
        ("auto", "cuda:1", ALL, "torch"),
        ("torch", "cpu", ALL, "torch"),
        ("torch", "cuda", (), "torch"),
        ("openvino", "cpu", ("openvino",), "openvino"),
        ("onnx", "cpu", ("onnx", "onnxruntime"), "onnx"),
    ],
)
def test_which_runtime(
    name: Any, device: str, installed: Collection[str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(installed, monkeypatch)
    assert resolve_runtime(name, device) == expected


@pytest.mark.parametrize(
    ("name", "device", "installed", "message"),
    [
        ("openvino", "cuda", (), "runtime 'openvino' runs on the CPU only, not on 'cuda'; use 'torch' or device 'cpu'"),
        ("onnx", "cuda", ALL, "runtime 'onnx' runs on the CPU only, not on 'cuda'; use 'torch' or device 'cpu'"),
        ("openvino", "cpu", (), "runtime 'openvino' needs openvino; pip install openvino, or choose another"),
        ("onnx", "cpu", (), "runtime 'onnx' needs onnx and onnxruntime; pip install -e '.[onnx]', or choose another"),
        ("onnx", "cpu", ("onnx",), "runtime 'onnx' needs onnxruntime; pip install -e '.[onnx]', or choose another"),
        ("tensorrt", "cpu", ALL, "unknown runtime 'tensorrt'; choose one of 'auto', 'torch', 'openvino', 'onnx'"),
    ],
)
def test_runtimes_that_are_refused(
    name: Any, device: str, installed: Collection[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(installed, monkeypatch)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        resolve_runtime(name, device)


def check_largest(name: Any, kind: type) -> None:
    run = make_runtime(ModelSpec(lambda: InferenceModel(nn.MaxPool2d(4)), "largest of 4x4"), name)
    assert isinstance(run, kind)
    (output,) = run(np.zeros((2, 8, 12, 3), np.uint8))
    assert output.shape == (2, 3, 2, 3)


@pytest.mark.parametrize(("name", "kind"), [("torch", TorchRuntime), ("openvino", OpenVinoRuntime)])
def test_runtimes_by_name(name: Any, kind: type) -> None:
    check_largest(name, kind)


def test_onnx_by_name() -> None:
    pytest.importorskip("onnx", reason="networks are written by onnx; pip install -e '.[onnx]'")
    pytest.importorskip("onnxruntime", reason="networks are run by onnxruntime; pip install -e '.[onnx]'")
    from pose_track.runtime.onnx_runtime import OnnxRuntime

    check_largest("onnx", OnnxRuntime)


def test_a_network_that_is_to_run_with_pytorch_is_folded() -> None:
    network = InferenceModel(nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)))
    run = make_runtime(ModelSpec(lambda: network, "any"), "torch")
    assert isinstance(run, TorchRuntime)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in run._network.modules())
