"""The bundled ONNX graphs are the networks of the bundled weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from pose_track.build.networks import detector_network, pose_network
from pose_track.build.specs import detector_spec, pose_spec
from pose_track.config.networks import DetectorSettings, PoseSettings
from pose_track.export.bundle import bundle, bundled_networks, weights_ranges
from pose_track.export.drawn_inputs import drawn_canvases, drawn_crops
from pose_track.geometry.boxes import iou_matrix
from pose_track.models.centre_boxes import decode_centres
from pose_track.runtime import bundled
from pose_track.runtime.bundled import WEIGHTS_SHA256, GraphName, Int8GraphName, bundled_folder, bundled_onnx
from pose_track.runtime.model_spec import ModelSpec
from pose_track.runtime.select import RuntimeName, make_runtime
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.utils.extras import missing_modules
from pose_track.utils.hashing import file_sha256

onnx = pytest.importorskip("onnx", reason="reading ONNX files needs onnx; pip install 'pose_track[onnx]'")

NAMES, INT8_NAMES = get_args(GraphName), get_args(Int8GraphName)
NO_ONNX = pytest.mark.skipif(bool(missing_modules("onnxruntime")), reason="no onnxruntime")
MAX_BYTES = 10e6


def images(name: str) -> np.ndarray:
    shape = (1, 128, 192, 3) if name == "detector" else (2, 192, 128, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("runtime", ["openvino", pytest.param("onnx", marks=NO_ONNX)])
def test_outputs_are_those_of_pytorch(name: GraphName, runtime: RuntimeName) -> None:
    network, weights, outputs = bundled_networks()[name]
    spec = ModelSpec(lambda: pytest.fail("the network was built"), name, bundled_onnx(name, weights))
    found = make_runtime(spec, runtime, precision="float32")(images(name))
    expected = TorchRuntime(network, "cpu", "float32")(images(name))
    assert len(found) == len(expected) == len(outputs)
    for output, reference in zip(found, expected, strict=True):
        np.testing.assert_allclose(output, reference, rtol=0, atol=1e-5 * np.abs(reference).max())


@pytest.mark.parametrize("runtime", ["openvino", pytest.param("onnx", marks=NO_ONNX)])
def test_joints_and_boxes_in_eight_bits(runtime: RuntimeName) -> None:
    """On drawn people whom the ranges of the graph were not chosen by: at most one joint in fifty, of those that are
    seen, moves by more than 3 % of the box's height. Of some hundred joints, one in 500 could not be counted."""
    network = pose_network(PoseSettings())
    spec = pose_spec(network)
    crops = np.concatenate(list(drawn_crops(12, first_seed=900)))
    assert len(crops) > 20
    floats, whole = (make_runtime(spec, runtime, precision=name)(crops)[0] for name in ("float32", "int8"))
    (expected, scores), (found, _) = network.codec.decode(floats), network.codec.decode(whole)
    is_seen = scores > 0.4
    assert is_seen.sum() > 200
    moved = np.linalg.norm(found - expected, axis=2)[is_seen]
    assert moved.max() > 0
    assert (moved > 0.03 * crops.shape[1] / PoseSettings().padding).mean() < 0.02

    canvas = next(drawn_canvases(1, first_seed=900))
    maps = [
        make_runtime(detector_spec(detector_network(DetectorSettings())), runtime, precision=name)(canvas)[0][0]
        for name in ("float32", "int8")
    ]
    (boxes, _), (rounded_boxes, _) = (decode_centres(values, 0.3, 10) for values in maps)
    assert len(boxes) == len(rounded_boxes) > 0
    assert (iou_matrix(boxes, rounded_boxes).max(axis=1) > 0.9).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_graph_refers_to_every_weight(name: GraphName) -> None:
    """It holds no weights itself, and equal tensors may share a reference. Only batch norms' counters are left out."""
    _, weights, _ = bundled_networks()[name]
    content = weights.read_bytes()
    stored = {
        content[found.offset : found.offset + found.length]
        for tensor, found in weights_ranges(weights).items()
        if not tensor.endswith("num_batches_tracked")
    }
    model = onnx.load(bundled_folder() / f"{name}.onnx", load_external_data=False)
    referenced = set()
    for tensor in model.graph.initializer:
        place = {entry.key: entry.value for entry in tensor.external_data}
        assert place["location"] == weights.name
        offset = int(place["offset"])
        referenced.add(content[offset : offset + int(place["length"])])
    assert referenced == stored


@pytest.mark.parametrize("name", [*NAMES, *INT8_NAMES])
def test_a_graph_is_small_and_up_to_date(name: GraphName | Int8GraphName) -> None:
    """A failure here means: run make bundle."""
    weights = bundled_folder() / f"{name.partition('_')[0]}.safetensors"
    path = bundled_folder() / f"{name}.onnx"
    metadata = {prop.key: prop.value for prop in onnx.load(path, load_external_data=False).metadata_props}
    assert metadata[WEIGHTS_SHA256] == file_sha256(weights)
    assert path.stat().st_size < 0.5e6
    assert weights.stat().st_size < MAX_BYTES
    onnx.checker.check_model(str(path), full_check=True)


@NO_ONNX
def test_bundling_again_writes_the_same_networks(tmp_path: Path) -> None:
    for weights in bundled_folder().glob("*.safetensors"):
        shutil.copy(weights, tmp_path)
    paths = bundle(tmp_path, num_drawn=1)
    assert [path.name for path in paths] == [f"{name}.onnx" for name in (*NAMES, *INT8_NAMES)]
    for path in paths:
        written = onnx.load(path, load_external_data=False).graph
        kept = onnx.load(bundled_folder() / path.name, load_external_data=False).graph
        assert [node.op_type for node in written.node] == [node.op_type for node in kept.node]
        assert [tensor.name for tensor in written.initializer] == [tensor.name for tensor in kept.initializer]


def test_weights_that_are_not_bundled_have_no_graph(tmp_path: Path) -> None:
    copy = tmp_path / "pose.safetensors"
    copy.write_bytes((bundled_folder() / "pose.safetensors").read_bytes())
    assert bundled_onnx("pose", copy) is None


def test_a_graph_of_other_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a training whose weights replaced the bundled ones."""
    monkeypatch.setattr(bundled, "bundled_folder", lambda: tmp_path)
    weights = tmp_path / "pose.safetensors"
    weights.write_bytes(b"others")
    with pytest.raises(FileNotFoundError, match=r"pose\.onnx"):
        bundled_onnx("pose", weights)
    (tmp_path / "pose.onnx").write_bytes(file_sha256(bundled_folder() / "pose.safetensors").encode())
    with pytest.raises(ValueError, match=r"pose\.onnx.*make bundle"):
        bundled_onnx("pose", weights)
