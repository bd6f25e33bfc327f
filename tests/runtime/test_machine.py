"""What a figure was measured on, in words."""

import pytest
import torch

from pose_track.runtime.machine import device_name, processor_name


def test_a_processor_has_a_name() -> None:
    assert processor_name()
    assert device_name(torch.device("cpu")) == f"cpu: {processor_name()}"


def test_a_gpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU {device.index}")
    assert device_name(torch.device("cuda:1")) == "cuda: GPU 1"
