"""What a figure was measured on, in words."""

import pytest
import torch

from pose_track.runtime.machine import device_name, processor_name


def test_a_processor_has_a_name() -> None:
    assert processor_name()
    assert device_name("cpu") == f"cpu: {processor_name()}"


def test_a_gpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU {device[-1]}")
    assert device_name("cuda:1") == "cuda: GPU 1"
