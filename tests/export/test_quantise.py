"""Graphs in eight bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

onnx = pytest.importorskip("onnx", reason="ONNX files need onnx; pip install 'pose_track[onnx]'")
ort = pytest.importorskip("onnxruntime", reason="running ONNX files needs onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from pose_track.export.quantise import input_ranges, quantised  # noqa: E402


def write(path: Path, *weights: np.ndarray) -> None:
    """1x1 convolutions, one after another, of images (B, H, W, 3)."""
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["x0"], perm=[0, 3, 1, 2]),
        *(helper.make_node("Conv", [f"x{n}", f"w{n}"], [f"x{n + 1}"], f"/conv{n}") for n in range(len(weights))),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", "height", "width", 3])
    output = helper.make_tensor_value_info(f"x{len(weights)}", TensorProto.FLOAT, ["batch", "channels", "h", "w"])
    constants = [numpy_helper.from_array(values, f"w{n}") for n, values in enumerate(weights)]
    graph = helper.make_graph(nodes, "test", [images], [output], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def run(model: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    onnx.checker.check_model(model, full_check=True)
    options = ort.SessionOptions()  # node by node: without VNNI, ONNX Runtime's fused convolutions may saturate
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"images": images})[0])


def weights(seed: int, inputs: int, outputs: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(outputs, inputs, 1, 1)).astype(np.float32)


def test_ranges_are_those_of_all_batches_and_contain_zero(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    write(path, np.array([[1, 0, 0], [0, -2, 0]], np.float32)[..., None, None], weights(0, 2, 1))
    batches = [np.full((1, 2, 2, 3), value, np.uint8) for value in (9, 5)]
    assert input_ranges(path, batches) == {"x0": (0, 9), "x1": (-18, 9)}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 255))
def test_the_error_is_at_most_that_of_rounding(
    tmp_path_factory: pytest.TempPathFactory, seed: int, brightest: int
) -> None:
    path = tmp_path_factory.mktemp("int8") / "a.onnx"
    w = weights(seed, 3, 4)
    write(path, w)
    images = np.random.default_rng(seed).integers(0, brightest + 1, (2, 3, 5, 3), dtype=np.uint8)
    ranges = input_ranges(path, [images])
    error = np.abs(run(quantised(path, ranges, lambda _: False), images) - run(onnx.load(path), images))
    half_input = ranges["x0"][1] / 255 / 2
    half_weight = np.abs(w).max(axis=(1, 2, 3)) / 127 / 2
    values = images.astype(np.float64).sum(axis=3)[:, None]
    bound = half_input * np.abs(w).sum(axis=(1, 2, 3))[:, None, None] + half_weight[:, None, None] * (
        values + 3 * half_input
    )
    assert (error <= bound + 1e-3).all()


def test_negative_inputs_and_a_channel_of_zeros(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    last = weights(2, 2, 2)
    last[1] = 0
    write(path, weights(1, 3, 2), last)
    images = np.random.default_rng(0).integers(0, 256, (1, 4, 4, 3), dtype=np.uint8)
    ranges = input_ranges(path, [images])
    assert ranges["x1"][0] < 0
    found = run(quantised(path, ranges, lambda _: False), images)
    expected = run(onnx.load(path), images)
    np.testing.assert_allclose(found[:, 0], expected[:, 0], atol=0.03 * np.abs(expected).max())
    assert (found[:, 1] == 0).all()


def test_layers_that_stay_in_floats(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    write(path, weights(1, 3, 2), weights(2, 2, 2))
    images = np.random.default_rng(0).integers(0, 256, (1, 4, 4, 3), dtype=np.uint8)
    model = quantised(path, input_ranges(path, [images]), lambda name: name == "/conv1")
    rounded = [node.input[0] for node in model.graph.node if node.op_type == "QuantizeLinear"]
    assert rounded == ["x0", "w0"]
    unchanged = quantised(path, {}, lambda _: True)
    np.testing.assert_array_equal(run(unchanged, images), run(onnx.load(path), images))
