"""Intermediate outputs of a published network."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
from tiny_teacher import write_teacher

from pose_track.runtime.intermediate_outputs import IntermediateOutputs


def means(images: np.ndarray, size: int) -> np.ndarray:
    """The mean of each square of pixels."""
    batch, channels, height, width = images.shape
    return np.asarray(images.reshape(batch, channels, height // size, size, width // size, size).mean(axis=(3, 5)))


def test_tensors_in_the_order_of_their_names(tmp_path: Path) -> None:
    run = IntermediateOutputs(write_teacher(tmp_path / "t.onnx"), ["stride_32", "stride_8"], 128, threads=1)
    images = np.random.default_rng(0).standard_normal((2, 3, 128, 128), np.float32)
    coarse, fine = run(images)
    np.testing.assert_allclose(fine, means(images, 8), atol=1e-5)
    np.testing.assert_allclose(coarse, means(images, 32), atol=1e-5)
    assert run.shapes == [(3, 4, 4), (3, 16, 16)]


def test_a_copy_shares_the_network(tmp_path: Path) -> None:
    run = IntermediateOutputs(write_teacher(tmp_path / "t.onnx"), ["stride_8"], 64, threads=1)
    assert copy.deepcopy(run) is run


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.onnx"):
        IntermediateOutputs(tmp_path / "none.onnx", ["stride_8"], 64)
    (tmp_path / "text.onnx").write_text("text")
    for name, tensor in (("text.onnx", "stride_8"), (write_teacher(tmp_path / "t.onnx").name, "stride_7")):
        with pytest.raises(ValueError, match=rf"{name}.*{tensor}") as caught:
            IntermediateOutputs(tmp_path / name, [tensor], 64)
        assert "\n" not in str(caught.value)
