"""From settings to objects: the only module that knows both the settings and the stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

from torch import nn

from pose_track.detect.detector import CentreDetector, Detector
from pose_track.detect.recorded import RecordedDetector
from pose_track.detect.torchvision_detector import TorchvisionDetector
from pose_track.models.centre import centre_compact
from pose_track.models.hrnet import hrnet_compact, hrnet_w32, hrnet_w48
from pose_track.models.weights import file_sha256, load_weights
from pose_track.pipeline import Estimator, FrameDetector
from pose_track.pose.estimator import PoseEstimator
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.settings import BUNDLED, DetectorSettings, PoseSettings, Settings, TrackerSettings
from pose_track.skeleton import SKELETONS, Skeleton
from pose_track.track.matching import MATCHERS
from pose_track.track.similarity import iou_similarity, oks_similarity
from pose_track.track.tracker import PoseTracker
from pose_track.types import Frame

NETWORKS: dict[str, Callable[[int], nn.Module]] = {
    "hrnet_compact": hrnet_compact,
    "hrnet_w32": hrnet_w32,
    "hrnet_w48": hrnet_w48,
}


@dataclass(frozen=True)
class Stages:
    """What a frame passes through, and which weights are in it. make_tracker: frame rate -> tracker."""

    detect: FrameDetector
    estimate: Estimator
    make_tracker: Callable[[Fraction], PoseTracker]
    skeleton: Skeleton
    weights: dict[str, dict[str, str]]


def build_stages(settings: Settings) -> Stages:
    """Build everything that does not depend on the video. Raises ValueError, FileNotFoundError or ConnectionError in
    the user's words."""
    detect, detector_weights = build_detector(settings.detector, settings.device)
    estimate, pose_weights = build_estimator(settings.pose, settings.device)
    return Stages(
        detect,
        estimate,
        lambda fps: build_tracker(settings.tracker, fps),
        estimate.skeleton,
        {"detector": detector_weights, "pose": pose_weights},
    )


def bundled_weights(name: str) -> Path:
    """The file of weights that comes with the package."""
    return Path(str(files("pose_track") / "assets" / f"{name}.safetensors"))


def _describe(path: Path) -> dict[str, str]:
    return {"file": path.name, "sha256": file_sha256(path)}


def build_detector(settings: DetectorSettings, device: str) -> tuple[FrameDetector, dict[str, str]]:
    """The detector as a function of the frame, and the name and hash of its weights."""
    if settings.boxes is not None:
        return RecordedDetector(settings.boxes, settings.min_score), _describe(settings.boxes)
    if settings.name == "compact":
        path = bundled_weights("detector") if settings.weights in (None, BUNDLED) else Path(str(settings.weights))
        network = centre_compact()
        load_weights(network, path)
        runtime = TorchRuntime(network, device)
        found = CentreDetector(runtime, settings.long_side, settings.min_score, settings.max_iou)
        return _on_picture(found), _describe(path)
    other = TorchvisionDetector(settings.name, settings.weights, device, settings.min_score, settings.max_iou)
    return _on_picture(other), {"file": settings.weights or f"torchvision {settings.name}"}


def _on_picture(detector: Detector) -> FrameDetector:
    def detect(frame: Frame):  # type: ignore[no-untyped-def]
        return detector(frame.image)

    return detect


def build_estimator(settings: PoseSettings, device: str) -> tuple[PoseEstimator, dict[str, str]]:
    """The estimator, and the name and hash of its weights."""
    skeleton = SKELETONS[settings.skeleton]
    network = NETWORKS[settings.network](skeleton.num_joints)
    path = bundled_weights("pose") if settings.weights == BUNDLED else Path(settings.weights)
    load_weights(network, path)
    runtime = TorchRuntime(network, device, flip_indices=skeleton.flip_indices if settings.flip_test else None)
    estimator = PoseEstimator(
        runtime, skeleton, settings.input_size, settings.padding, settings.max_batch, settings.max_oks
    )
    return estimator, _describe(path)


def build_tracker(settings: TrackerSettings, fps: Fraction) -> PoseTracker:
    """The tracker for a video of `fps` frames a second."""
    return PoseTracker(
        oks_similarity() if settings.similarity == "oks" else iou_similarity,
        MATCHERS[settings.matching],
        settings.min_similarity,
        round(settings.buffer_seconds * fps),
        settings.min_start_score,
        settings.min_confirm_frames,
    )
