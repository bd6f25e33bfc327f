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
from pose_track.models.codec import Codec
from pose_track.models.hrnet import hrnet_compact, hrnet_w32, hrnet_w48
from pose_track.models.weights import file_sha256, load_weights
from pose_track.pipeline import Estimator, FrameDetector
from pose_track.pose.estimator import PoseEstimator
from pose_track.runtime.torch_runtime import TorchRuntime, resolve_device
from pose_track.settings import BUNDLED, DEFAULT_PRESET, DetectorSettings, PoseSettings, Settings, TrackerSettings
from pose_track.skeleton import SKELETONS, Skeleton
from pose_track.track.matching import MATCHERS
from pose_track.track.similarity import iou_similarity, oks_similarity
from pose_track.track.tracker import PoseTracker
from pose_track.types import Detections, Frame

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
    device = str(resolve_device(settings.device))
    estimate, pose_weights = build_estimator(settings.pose, device)  # first, for a detector may be a long download
    detect, detector_weights = build_detector(settings.detector, device)
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


def weights_file(given: str | None, bundled: str, setting: str) -> Path:
    """The file of a network's weights: the bundled one, or that which a setting names. Raises FileNotFoundError."""
    path = bundled_weights(bundled) if given in (None, BUNDLED) else Path(str(given))
    if path.is_file():
        return path
    if given in (None, BUNDLED):
        raise FileNotFoundError(f"the bundled weights {str(path)!r} are missing; install the package again")
    raise FileNotFoundError(
        f"there is no weights file {str(path)!r}; put it into {str(path.absolute().parent)!r} or give its path as "
        f"--{setting}, or use --preset {DEFAULT_PRESET}, whose weights are bundled"
    )


def _describe(path: Path) -> dict[str, str]:
    return {"file": path.name, "sha256": file_sha256(path)}


def build_detector(settings: DetectorSettings, device: str) -> tuple[FrameDetector, dict[str, str]]:
    """The detector as a function of the frame, and the name and hash of its weights."""
    if settings.boxes is not None:
        return RecordedDetector(settings.boxes, settings.min_score), _describe(settings.boxes)
    if settings.name == "compact":
        path = weights_file(settings.weights, "detector", "detector.weights")
        network = centre_compact()
        load_weights(network, path)
        runtime = TorchRuntime(network, device)
        found = CentreDetector(runtime, settings.long_side, settings.min_score, settings.max_iou)
        return _on_picture(found), _describe(path)
    given = None if settings.weights is None else weights_file(settings.weights, "", "detector.weights")
    other = TorchvisionDetector(
        settings.name, None if given is None else str(given), device, settings.min_score, settings.max_iou
    )
    return _on_picture(other), {"file": f"torchvision {settings.name}"} if given is None else _describe(given)


def _on_picture(detector: Detector) -> FrameDetector:
    """A detector of pictures as one of frames, which recorded boxes need to know their place."""

    def detect(frame: Frame) -> Detections:
        return detector(frame.image)

    return detect


def build_estimator(settings: PoseSettings, device: str) -> tuple[PoseEstimator, dict[str, str]]:
    """The estimator, and the name and hash of its weights."""
    skeleton = SKELETONS[settings.skeleton]
    path = weights_file(settings.weights, "pose", "pose.weights")
    network = NETWORKS[settings.network](skeleton.num_joints)
    load_weights(network, path)
    codec = Codec("plain", settings.input_size)
    twins = skeleton.flip_indices if settings.flip_test else None
    runtime = TorchRuntime(network, device, flip_indices=twins, flip_shift=codec.flip_shift)
    estimator = PoseEstimator(runtime, skeleton, codec, settings.padding, settings.max_batch, settings.max_oks)
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
