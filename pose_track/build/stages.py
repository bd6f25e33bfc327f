"""From settings to objects: the only module that knows both the settings and the stages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from pose_track.build.networks import detector_plan, pose_plan
from pose_track.build.pose_model import PoseModel, pose_model
from pose_track.build.tracker import build_tracker
from pose_track.config.settings import StageSettings
from pose_track.detection.detector import CentreDetector
from pose_track.detection.recorded import RecordedDetector
from pose_track.pipeline.stages import Stages
from pose_track.pipeline.track_video import (
    WINDOW,
    Estimator,
    FrameDetector,
    WindowDetector,
    WindowEstimator,
)
from pose_track.pose.estimator import PoseEstimator
from pose_track.pose.keypoints import CroppedKeypoints, DecodedKeypoints, Keypoints
from pose_track.runtime.device import resolve_device
from pose_track.runtime.model_spec import Run
from pose_track.runtime.select import RuntimeName, make_runtime, resolve_runtime
from pose_track.structures.frames import Detections, Frame, ImageArray
from pose_track.structures.skeleton import SKELETONS, Skeleton
from pose_track.utils.profiler import UNPROFILED, Profiler
from pose_track.weights.resolve import describe_detector, describe_file, detector_weights

logger = logging.getLogger(__name__)

CUDA_WINDOW = 16  # frames: a GPU wants large batches


def build_stages(settings: StageSettings, profile: Profiler = UNPROFILED) -> Stages:
    """Build everything that does not depend on the video. profile: notes how long each stage takes. Raises ValueError,
    FileNotFoundError or ConnectionError in the user's words."""
    device = resolve_device(settings.device)
    resolve_runtime(settings.runtime, device)
    estimate, of_pose = build_estimator(settings, device, profile)  # first, for a detector may be a long download
    detect, of_detector = build_detector(settings, device, profile)
    weights = {"detector": of_detector, "pose": of_pose}
    return put_together(detect, estimate, estimate.skeleton, weights, settings, device, profile)


def put_together(
    detect: FrameDetector | WindowDetector,
    estimate: Estimator | WindowEstimator,
    skeleton: Skeleton,
    weights: dict[str, dict[str, str]],
    settings: StageSettings,
    device: str,
    profile: Profiler = UNPROFILED,
) -> Stages:
    """Stages of a detector and an estimator, with the tracker of the settings. weights: what the header of the results
    says of each."""
    return Stages(
        detect,
        estimate,
        lambda fps: build_tracker(settings.tracker, fps, True, device, settings.detector.every),
        skeleton,
        weights,
        settings.detector.every,
        WINDOW if device == "cpu" else CUDA_WINDOW,
        profile,
    )


def build_detector(
    settings: StageSettings, device: str, profile: Profiler = UNPROFILED
) -> tuple[FrameDetector | WindowDetector, dict[str, str]]:
    """The detector, and what the header of the results says of its weights. Raises as `build_stages`."""
    return _detector(settings, device, profile), describe_detector(settings.detector)


def _detector(settings: StageSettings, device: str, profile: Profiler) -> FrameDetector | WindowDetector:
    chosen = settings.detector
    if chosen.boxes is not None:
        return RecordedDetector(chosen.boxes, chosen.min_score)
    if chosen.name == "compact":
        run = profile.timed("network: detector", make_runtime(detector_plan(chosen), settings.runtime, device))
        return _OfFrames(CentreDetector(run, chosen.long_side, chosen.min_score, chosen.max_iou).detect_images)
    from pose_track.detection.torchvision_detector import TorchvisionDetector  # PyTorch takes seconds

    path = detector_weights(chosen)
    assert path is not None
    detector = TorchvisionDetector(chosen.name, path, device, chosen.min_score, chosen.max_iou)
    return _OfFrames(profile.timed("network: detector", detector.detect_images))


class _OfFrames:
    """A detector of pictures as one of frames, which recorded boxes need to know their place."""

    def __init__(self, detect: Callable[[Sequence[ImageArray]], list[Detections]]) -> None:
        self._detect = detect

    def __call__(self, frame: Frame) -> Detections:
        return self.run_batch([frame])[0]

    def run_batch(self, frames: Sequence[Frame]) -> list[Detections]:
        return self._detect([frame.image for frame in frames])


def build_estimator(
    settings: StageSettings, device: str, profile: Profiler = UNPROFILED
) -> tuple[PoseEstimator, dict[str, str]]:
    """The estimator, and what the header of the results says of its weights. Its poses tell how each joint looks where
    the tracker wants to know. Raises as `build_stages`."""
    chosen, form = settings.pose, pose_model(settings.pose)
    find = _keypoints(form, settings, device, profile)
    joints = None if chosen.joints is None else SKELETONS[chosen.joints]
    estimate = PoseEstimator(find, form.skeleton, form.codec, chosen.padding, chosen.max_oks, joints=joints)
    return estimate, describe_file(form.file) | form.notes()


def _keypoints(form: PoseModel, settings: StageSettings, device: str, profile: Profiler) -> Keypoints:
    chosen, name = settings.pose, "network: pose"
    if form.is_exported:
        run = profile.timed(name, _exported(form, settings.runtime, device))
        if form.lacks_embedding and settings.tracker.needs_appearance:
            logger.warning(
                "%s was exported without --appearance, so the tracker cannot compare how people look", form.file
            )
        if form.decodes:
            return DecodedKeypoints(run, form.codec, chosen.max_batch)
        return CroppedKeypoints(run, form.codec, chosen.max_batch, chosen.scales)
    plan = pose_plan(form, chosen.flip_test, settings.tracker.needs_appearance)
    if device == "cpu":
        run = profile.timed(name, make_runtime(plan, settings.runtime, device))
        return CroppedKeypoints(run, form.codec, chosen.max_batch, chosen.scales)
    from pose_track.pose.torch_keypoints import TorchKeypoints

    find = TorchKeypoints(plan.make(), form.codec, device, max_batch=chosen.max_batch, scales=chosen.scales)
    return profile.timed(name, find)


def _exported(form: PoseModel, runtime: RuntimeName, device: str) -> Run:
    if device != "cpu" or runtime not in ("auto", "onnx"):
        raise ValueError(f"{str(form.file)!r} runs with --runtime onnx and --device cpu only; leave out other ones")
    from pose_track.runtime.onnx_runtime import open_exported  # ONNX Runtime need not be there

    return open_exported(form.file)
