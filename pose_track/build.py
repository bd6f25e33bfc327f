"""From settings to objects: the only module that knows both the settings and the stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from pose_track.detect.detector import CentreDetector, Detector
from pose_track.detect.recorded import RecordedDetector
from pose_track.detect.torchvision_detector import TorchvisionDetector
from pose_track.linking import build_tracker
from pose_track.models.centre import centre_compact
from pose_track.models.codec import Codec
from pose_track.models.hrnet import HRNet, HRNetWithLooks, hrnet_compact, hrnet_w32, hrnet_w48
from pose_track.models.weights import load_weights
from pose_track.pipeline import Estimator, FrameDetector
from pose_track.pose.estimator import PoseEstimator
from pose_track.runtime.torch_runtime import TorchRuntime, resolve_device
from pose_track.settings import DetectorSettings, PoseSettings, StageSettings
from pose_track.skeleton import SKELETONS, Skeleton
from pose_track.track.tracker import PoseTracker
from pose_track.types import Detections, Frame
from pose_track.weight_files import describe_weights, detector_weights, pose_weights

NETWORKS: dict[str, Callable[[int], HRNet]] = {
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


def build_stages(settings: StageSettings) -> Stages:
    """Build everything that does not depend on the video. Raises ValueError, FileNotFoundError or ConnectionError in
    the user's words."""
    device = str(resolve_device(settings.device))
    estimate = build_estimator(
        settings.pose, device, settings.tracker.needs_appearance
    )  # first, for a detector may be a long download
    detect = build_detector(settings.detector, device)
    return Stages(
        detect,
        estimate,
        lambda fps: build_tracker(settings.tracker, fps, has_pictures=True, device=device),
        estimate.skeleton,
        describe_weights(settings),
    )


def build_detector(settings: DetectorSettings, device: str) -> FrameDetector:
    """The detector as a function of the frame."""
    path = detector_weights(settings)
    if settings.boxes is not None:
        return RecordedDetector(settings.boxes, settings.min_score)
    if settings.name == "compact":
        assert path is not None
        network = centre_compact()
        load_weights(network, path)
        runtime = TorchRuntime(network, device)
        return _on_picture(CentreDetector(runtime, settings.long_side, settings.min_score, settings.max_iou))
    given = None if path is None else str(path)
    return _on_picture(TorchvisionDetector(settings.name, given, device, settings.min_score, settings.max_iou))


def _on_picture(detector: Detector) -> FrameDetector:
    """A detector of pictures as one of frames, which recorded boxes need to know their place."""

    def detect(frame: Frame) -> Detections:
        return detector(frame.image)

    return detect


def build_estimator(settings: PoseSettings, device: str, with_looks: bool = False) -> PoseEstimator:
    """The estimator with its weights. with_looks: its poses tell how each joint looks."""
    skeleton = SKELETONS[settings.skeleton]
    path = pose_weights(settings)
    network = NETWORKS[settings.network](skeleton.num_joints)
    load_weights(network, path)
    codec = Codec("plain", settings.input_size)
    twins = skeleton.flip_indices if settings.flip_test else None
    runtime = TorchRuntime(
        HRNetWithLooks(network) if with_looks else network, device, flip_indices=twins, flip_shift=codec.flip_shift
    )
    run = runtime.with_looks if with_looks else runtime
    return PoseEstimator(run, skeleton, codec, settings.padding, settings.max_batch, settings.max_oks)
