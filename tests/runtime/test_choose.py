from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torch import nn

from pose_track.models.deployed import Deployed
from pose_track.runtime import choose
from pose_track.runtime.choose import make_runtime, resolve_runtime
from pose_track.runtime.openvino_runtime import OpenVinoRuntime
from pose_track.runtime.plan import Plan
from pose_track.runtime.torch_runtime import TorchRuntime


@pytest.mark.parametrize(
    ("name", "device", "installed", "expected"),
    [
        ("auto", "cpu", True, "openvino"),
        ("auto", "cpu", False, "torch"),
        ("auto", "cuda:1", True, "torch"),
        ("torch", "cpu", True, "torch"),
        ("torch", "cuda", False, "torch"),
        ("openvino", "cpu", True, "openvino"),
    ],
)
def test_which_runtime(name: Any, device: str, installed: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "find_spec", lambda package: package if installed else None)
    assert resolve_runtime(name, device) == expected


@pytest.mark.parametrize(
    ("name", "device", "message"),
    [
        ("openvino", "cuda", "runtime 'openvino' runs on the CPU only, not on 'cuda'; use 'torch' or device 'cpu'"),
        ("openvino", "cpu", "runtime 'openvino' needs the package openvino; install it or use 'torch'"),
        ("onnx", "cpu", "unknown runtime 'onnx'; choose one of 'auto', 'torch', 'openvino'"),
    ],
)
def test_runtimes_that_are_refused(name: Any, device: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "find_spec", lambda package: None)
    with pytest.raises(ValueError, match=message):
        resolve_runtime(name, device)


@pytest.mark.parametrize(("name", "kind"), [("torch", TorchRuntime), ("openvino", OpenVinoRuntime)])
def test_runtimes_by_name(name: Any, kind: type) -> None:
    run = make_runtime(Plan(lambda: Deployed(nn.MaxPool2d(4)), "largest of 4x4"), name)
    assert isinstance(run, kind)
    (output,) = run(np.zeros((2, 8, 12, 3), np.uint8))
    assert output.shape == (2, 3, 2, 3)


def test_a_network_that_is_to_run_with_pytorch_is_folded() -> None:
    network = Deployed(nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)))
    run = make_runtime(Plan(lambda: network, "any"), "torch")
    assert isinstance(run, TorchRuntime)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in run._network.modules())
