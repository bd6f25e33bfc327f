"""The score map of a weights file is applied exactly once, whatever runs the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from pose_track.build.networks import detector_network, pose_network
from pose_track.build.stages import build_stages
from pose_track.config.networks import DetectorSettings, PoseSettings, RuntimeSettings
from pose_track.config.settings import Settings
from pose_track.export.sample_crops import SAMPLE
from pose_track.models.score_map import SCORE_MAP, ScoreMap
from pose_track.pipeline.stages import Stages
from pose_track.pose.estimator import PoseEstimator
from pose_track.structures.frames import Detections, Frame
from pose_track.utils.extras import missing_modules
from pose_track.video.reader import open_video
from pose_track.weights.metadata import write_metadata
from pose_track.weights.resolve import bundled_weights

MAP = ScoreMap(((0, 0), (0.3, 0.05), (0.9, 0.6), (1, 0.99)))
NO_ONNX = pytest.mark.skipif(bool(missing_modules("onnx", "onnxruntime")), reason="no onnx and onnxruntime")


@pytest.fixture(scope="module")
def frame() -> Frame:
    with open_video(SAMPLE, stride=60) as reader:
        return list(reader)[1]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The bundled weights with raw scores, and with the scores of `MAP`."""
    folder = tmp_path_factory.mktemp("weights")
    paths = {}
    for name in ("detector", "pose"):
        with safe_open(bundled_weights(name), framework="np") as file:  # type: ignore[arg-type]
            metadata = {key: value for key, value in (file.metadata() or {}).items() if key != SCORE_MAP}
        raw, calibrated = (folder / f"{name}_{kind}.safetensors" for kind in ("raw", "calibrated"))
        save_file(load_file(bundled_weights(name)), raw, metadata)  # type: ignore[arg-type]
        write_metadata(raw, calibrated, {SCORE_MAP: str(MAP)})
        paths |= {raw.stem: raw, calibrated.stem: calibrated}
    return paths


def stages(pose: Path, detector: Path, runtime: str, min_score: float = 0.02) -> Stages:
    return build_stages(
        Settings(
            device="cpu",
            runtime=RuntimeSettings(name=runtime, precision="float32"),  # type: ignore[arg-type]
            pose=PoseSettings(weights=str(pose), max_oks=1),
            detector=DetectorSettings(weights=str(detector), min_score=min_score),
        )
    )


def joint_scores(built: Stages, frame: Frame, detections: Detections) -> np.ndarray:
    poses = built.estimate(frame.image, detections)  # type: ignore[operator]
    return np.asarray(poses[np.argsort(poses.boxes[:, 0])].joint_scores)


@pytest.mark.parametrize("runtime", ["torch", "openvino", pytest.param("onnx", marks=NO_ONNX)])
def test_every_runtime(runtime: str, weights: dict[str, Path], frame: Frame) -> None:
    raw = stages(weights["pose_raw"], weights["detector_raw"], "openvino")
    calibrated = stages(weights["pose_calibrated"], weights["detector_calibrated"], runtime, min_score=0)
    assert [raw.weights[stage]["scores"] for stage in ("detector", "pose")] == ["raw", "raw"]
    assert [calibrated.weights[stage]["scores"] for stage in ("detector", "pose")] == ["calibrated"] * 2
    boxes, same_boxes = raw.detect(frame), calibrated.detect(frame)  # type: ignore[operator]
    assert len(boxes) >= 2
    np.testing.assert_allclose(same_boxes.scores[: len(boxes)], MAP(boxes.scores), atol=1e-3)
    expected = MAP(joint_scores(raw, frame, boxes[boxes.scores > 0.3]))
    np.testing.assert_allclose(joint_scores(calibrated, frame, boxes[boxes.scores > 0.3]), expected, atol=2e-3)


@NO_ONNX
@pytest.mark.parametrize("decodes", [False, True])
def test_exported_files(decodes: bool, weights: dict[str, Path], frame: Frame, tmp_path: Path) -> None:
    from pose_track.export.export_pose import export_pose
    from pose_track.runtime.exported import ExportForm

    settings = PoseSettings(weights=str(weights["pose_calibrated"]))
    export = export_pose(settings, tmp_path, "onnx", ExportForm(decodes=decodes))
    assert export.metadata[SCORE_MAP] == str(MAP)
    assert pose_network(PoseSettings(weights=str(export.files[0]))).codec.score_map == MAP
    raw = stages(weights["pose_raw"], weights["detector_raw"], "openvino")
    exported = stages(export.files[0], weights["detector_raw"], "auto")
    boxes = raw.detect(frame)[:3]  # type: ignore[operator]
    expected = MAP(joint_scores(raw, frame, boxes))
    np.testing.assert_allclose(joint_scores(exported, frame, boxes), expected, atol=2e-3)


def test_keypoints_on_a_device(weights: dict[str, Path], frame: Frame) -> None:
    """The GPU's path, here on the CPU."""
    from pose_track.build.specs import build_pose_network
    from pose_track.pose.torch_keypoints import TorchKeypoints

    network = pose_network(PoseSettings(weights=str(weights["pose_calibrated"])))
    keypoints = TorchKeypoints(build_pose_network(network, False, False), network.codec, "cpu", "float32")
    raw = stages(weights["pose_raw"], weights["detector_raw"], "openvino")
    boxes = raw.detect(frame)[:3]  # type: ignore[operator]
    found = PoseEstimator(keypoints, network.skeleton, network.codec, max_oks=1)(frame.image, boxes)
    scores = found[np.argsort(found.boxes[:, 0])].joint_scores
    np.testing.assert_allclose(scores, MAP(joint_scores(raw, frame, boxes)), atol=2e-3)


def test_the_bundled_weights_state_their_map() -> None:
    assert detector_network(DetectorSettings()).score_map is not None
    assert pose_network(PoseSettings()).codec.score_map is not None


def test_a_damaged_map_is_named(weights: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "detector.safetensors"
    write_metadata(weights["detector_raw"], path, {SCORE_MAP: "0:0 1:1"})
    with pytest.raises(ValueError, match=r"detector\.safetensors.*score_map"):
        detector_network(DetectorSettings(weights=str(path)))


def test_raw_scores_are_warned_about(weights: dict[str, Path], caplog: pytest.LogCaptureFixture) -> None:
    stages(weights["pose_calibrated"], weights["detector_calibrated"], "openvino")
    assert not caplog.messages
    stages(weights["pose_raw"], weights["detector_raw"], "openvino")
    for name, message in zip(["pose", "detector"], caplog.messages, strict=True):
        assert f"{name}_raw.safetensors" in message
        assert "calibrate" in message
