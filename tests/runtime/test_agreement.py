"""Every runtime finds the joints and boxes of PyTorch in float32, on real crops."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_data import shared

from pose_track.build.networks import detector_network, pose_network
from pose_track.build.specs import build_centre_net, build_pose_network, detector_spec, pose_spec
from pose_track.config.networks import DetectorSettings, PoseSettings
from pose_track.detection.detector import CentreDetector
from pose_track.geometry.boxes import iou_matrix
from pose_track.models.codec import Codec
from pose_track.pose.estimator import PoseEstimator
from pose_track.pose.keypoints import CroppedKeypoints
from pose_track.runtime import torch_runtime
from pose_track.runtime.model_spec import Precision, Run
from pose_track.runtime.select import make_runtime
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.structures.frames import Detections, Poses
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.utils.extras import missing_modules
from pose_track.video.reader import open_video

NO_ONNX = missing_modules("onnxruntime")
SAMPLE = Path(__file__).parents[2] / "data/sample/three_people.mp4"
RECORDED = ("taiji.mp4", "squats.mp4", "runner_1080p.mp4", "mall_5_frames.mp4")
SIZE = (128, 192)
RUNTIMES = ["torch", "openvino", pytest.param("onnx", marks=pytest.mark.skipif(bool(NO_ONNX), reason="no onnxruntime"))]
MIN_SCORE = 0.3  # below it nothing is visible, and rounding may decide which of several small peaks is the highest

Frames = dict[Path, tuple[list[np.ndarray], list[Detections]]]


def read_images(path: Path) -> list[np.ndarray]:
    with open_video(path, stride=20) as reader:
        return [frame.image for frame, _ in zip(reader, range(4), strict=False)]


@pytest.fixture(scope="module")
def frames() -> Frames:
    """Images and people by video; filled on demand."""
    return {}


def detected(path: Path, frames: Frames) -> tuple[list[np.ndarray], list[Detections]]:
    """Images of a video and the people that the reference detector finds in them."""
    if path not in frames:
        images = read_images(path)
        frames[path] = images, detector("reference").detect_images(images)
    return frames[path]


def detector(runtime: str, precision: Precision = "float32") -> CentreDetector:
    """reference: PyTorch in float32, without folding."""
    settings = DetectorSettings()
    network = detector_network(settings)
    if runtime == "reference":
        run: Run = TorchRuntime(build_centre_net(network.path), "cpu", "float32")
    else:
        run = make_runtime(detector_spec(network), runtime, precision=precision)  # type: ignore[arg-type]
    return CentreDetector(run, settings.long_side, settings.min_score)


def check_joints(path: Path, runtime: str, flip_test: bool, frames: Frames, precision: Precision = "float32") -> None:
    network = pose_network(PoseSettings())
    spec = pose_spec(network, flip_test, True)
    run = make_runtime(spec, runtime, precision=precision)  # type: ignore[arg-type]
    reference = TorchRuntime(build_pose_network(network, flip_test, True), "cpu", "float32")
    images, detections = detected(path, frames)
    for codec in codecs(run):
        poses, expected = (
            PoseEstimator(CroppedKeypoints(one, codec), POSETRACK_15, codec).run_batch(images, detections)
            for one in (run, reference)
        )
        compare(poses, expected, 95 if run.precision == "int8" else 99)


def codecs(run: Any) -> list[Codec]:
    """The decodings to compare.

    quarter_offset steps towards the higher of two neighbours. For about one joint in fourteen they are equal in
    bfloat16, so rounding decides, not the runtime. dark has no such steps.
    """
    return [Codec("gaussian", SIZE, decoding="dark"), Codec("gaussian", SIZE)][: 2 if run.precision == "float32" else 1]


def compare(poses: Sequence[Poses], expected: Sequence[Poses], percentile: float) -> None:
    """percentile: of the joints that move by at most half a pixel of the frame."""
    distances = [
        np.linalg.norm(found.joints - reference.joints, axis=-1)[reference.joint_scores > MIN_SCORE]
        for found, reference in zip(poses, expected, strict=True)
    ]
    assert len(np.concatenate(distances)) > 20
    assert np.percentile(np.concatenate(distances), percentile) <= 0.5
    for found, reference in zip(poses, expected, strict=True):
        np.testing.assert_allclose(found.joint_scores, reference.joint_scores, atol=0.05)
        atol = 0.05 * np.abs(reference.features).max(initial=1)
        stays = np.linalg.norm(found.joints - reference.joints, axis=-1) <= 0.5
        np.testing.assert_allclose(found.features[stays], reference.features[stays], atol=atol)


@pytest.mark.parametrize("flip_test", [False, True])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_joints_and_features_on_the_sample(runtime: str, flip_test: bool, frames: Frames) -> None:
    check_joints(SAMPLE, runtime, flip_test, frames)


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_joints_and_features_on_recorded_videos(runtime: str, name: str, frames: Frames) -> None:
    check_joints(shared(f"data/videos/{name}"), runtime, False, frames)


def test_joints_of_pytorch_in_bfloat16(frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a processor that has it."""
    monkeypatch.setattr(torch_runtime, "_cpu_has_bfloat16", lambda: True)
    check_joints(SAMPLE, "torch", False, frames, "bfloat16")


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_joints_and_boxes_in_the_native_precision(runtime: str, frames: Frames) -> None:
    """OpenVINO's is int8 on x86, PyTorch's bfloat16 on a processor that has it."""
    check_joints(SAMPLE, runtime, False, frames, "auto")
    check_boxes(runtime, frames, "auto")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_boxes_on_the_sample(runtime: str, frames: Frames) -> None:
    check_boxes(runtime, frames)


def check_boxes(runtime: str, frames: Frames, precision: Precision = "float32") -> None:
    images, expected = detected(SAMPLE, frames)
    assert sum(map(len, expected)) > 5
    for found, reference in zip(detector(runtime, precision).detect_images(images), expected, strict=True):
        assert (iou_matrix(reference.boxes, found.boxes).max(axis=1) > 0.9)[reference.scores > 0.45].all()
        assert (iou_matrix(found.boxes, reference.boxes).max(axis=1) > 0.9)[found.scores > 0.45].all()
