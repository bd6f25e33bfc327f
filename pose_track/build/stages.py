"""The stages that the settings describe, ready to run: detector, pose estimator and tracker."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from pose_track.build.graph_stages import build_graph_detector, build_graph_estimator
from pose_track.build.graphs import detector_graph, names_detector, names_graph, pose_graph
from pose_track.build.networks import PoseNetwork, detector_network, pose_network
from pose_track.build.specs import build_pose_network, detector_spec, pose_spec
from pose_track.build.tracker import build_tracker
from pose_track.config.settings import StageSettings
from pose_track.detection.detector import CentreDetector, widescreen_size
from pose_track.detection.one_stage import OneStageNetwork
from pose_track.detection.recorded import RecordedDetector
from pose_track.models.score_map import ScoreMap, describe_scores
from pose_track.pipeline.stages import Stages
from pose_track.pipeline.steps import BatchDetector, BatchEstimator, Estimator, FrameDetector
from pose_track.pipeline.track_video import FRAMES_PER_BATCH
from pose_track.pose.estimator import PoseEstimator
from pose_track.pose.keypoints import CroppedKeypoints, DecodedKeypoints, KeypointFunction
from pose_track.runtime.device import resolve_device
from pose_track.runtime.model_spec import Runtime
from pose_track.runtime.select import check_stated_types, make_runtime, resolve_runtime
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Detections, Frame
from pose_track.structures.skeleton import Skeleton
from pose_track.utils.extras import require
from pose_track.utils.profiler import NULL_PROFILER, Profiler
from pose_track.weights.resolve import describe_file

logger = logging.getLogger(__name__)

CUDA_FRAMES_PER_BATCH = 16  # a GPU needs large batches

Description = dict[str, str]
"""The entry of a network in the header of the results: its file, its hash, and how it runs."""


def build_stages(settings: StageSettings, profile: Profiler = NULL_PROFILER) -> Stages:
    """The stages that the settings describe; they do not depend on the video.

    profile: measures the time of each network.

    Raises ValueError, FileNotFoundError, ConnectionError or ImportError, naming the setting or file and a remedy.
    """
    device = resolve_device(settings.device)
    resolve_runtime(settings.runtime.name, device, settings.runtime.precision)
    # the estimator first, for the detector may be a long download
    estimate, pose_description = build_estimator(settings, device, profile)
    detect, detector_description = build_detector_beside(estimate, pose_description, settings, device, profile)
    descriptions = {"detector": detector_description, "pose": pose_description}
    return assemble_stages(detect, estimate, estimate.skeleton, descriptions, settings, device, profile)


def assemble_stages(
    detect: FrameDetector | BatchDetector,
    estimate: Estimator | BatchEstimator,
    skeleton: Skeleton,
    descriptions: dict[str, Description],
    settings: StageSettings,
    device: str,
    profile: Profiler = NULL_PROFILER,
) -> Stages:
    """A detector and an estimator with the tracker of the settings. descriptions: of both, for the results' header."""
    return Stages(
        detect,
        estimate,
        lambda fps: build_tracker(settings.tracker, fps, True, device, settings.detector.every),
        skeleton,
        descriptions,
        settings.detector.every,
        FRAMES_PER_BATCH if device == "cpu" else CUDA_FRAMES_PER_BATCH,
        profile,
        settings.pose.every,
    )


def build_estimator(
    settings: StageSettings, device: str, profile: Profiler = NULL_PROFILER
) -> tuple[PoseEstimator | OneStageNetwork, Description]:
    """The pose estimator and its description. Its poses have appearance features if the tracker uses them. Raises as
    `build_stages`."""
    if names_graph(settings.pose.weights):
        graph = pose_graph(settings.pose)
        estimator, runtime = build_graph_estimator(graph, settings, device, profile)
        return estimator, describe_file(graph.path) | graph.metadata() | _describe_run(runtime)
    options, network = settings.pose, pose_network(settings.pose)
    if str(options.weights).endswith(".safetensors"):  # of this project's trainer
        _warn_of_raw_scores(network.path, network.codec.score_map, "tracker.min_high_score and min_start_score")
    find_keypoints, run_description = _build_keypoints(network, settings, device, profile)
    estimate = PoseEstimator(
        find_keypoints,
        network.skeleton,
        network.codec,
        options.padding,
        options.max_oks,
        output_skeleton=options.joints,
    )
    return estimate, describe_file(network.path) | network.metadata() | run_description


def build_detector_beside(
    estimate: Estimator | BatchEstimator,
    description: Description,
    settings: StageSettings,
    device: str,
    profile: Profiler = NULL_PROFILER,
) -> tuple[FrameDetector | BatchDetector, Description]:
    """The detector and its description: the estimator itself where it is a one-stage network and the settings name no
    detector. description: of the estimator. Raises as `build_stages`."""
    if isinstance(estimate, OneStageNetwork) and not names_detector(settings.detector):
        return _ImageDetector(estimate.detect_images), description
    return build_detector(settings, device, profile)


def build_detector(
    settings: StageSettings, device: str, profile: Profiler = NULL_PROFILER
) -> tuple[FrameDetector | BatchDetector, Description]:
    """The detector and its description. Raises as `build_stages`."""
    options, precision = settings.detector, settings.runtime.precision
    if names_graph(options.weights):
        graph = detector_graph(options)
        by_graph, graph_runtime = build_graph_detector(graph, settings, device, profile)
        about = {"about": graph.description, "input_size": "{}x{}".format(*graph.input_size)}
        return _ImageDetector(by_graph.detect_images), describe_file(graph.path) | about | _describe_run(graph_runtime)
    network = detector_network(options)
    if network.name == "recorded":
        return RecordedDetector(network.path, options.min_score), describe_file(network.path)
    description = describe_file(network.path)
    if network.name == "compact":
        _warn_of_raw_scores(network.path, network.score_map, f"detector.min_score {options.min_score}")
        spec = detector_spec(network, widescreen_size(options.long_side))  # most videos are
        runtime = make_runtime(spec, settings.runtime.name, device, precision)
        run = profile.timed(_profile_name("detector", runtime), runtime)
        detector = CentreDetector(
            run, options.long_side, options.min_score, options.max_iou, score_map=network.score_map
        )
        scores = {"scores": describe_scores(network.score_map)}
        return _ImageDetector(detector.detect_images), description | scores | _describe_run(runtime)
    require("torch", "torchvision", purpose=f"detector.name {network.name}")
    from pose_track.detection.torchvision_detector import TorchvisionDetector

    torchvision = TorchvisionDetector(network.name, network.path, device, options.min_score, options.max_iou, precision)
    detect_images = profile.timed(_profile_name("detector", torchvision), torchvision.detect_images)
    return _ImageDetector(detect_images), description | _describe_run(torchvision)


def _warn_of_raw_scores(path: Path, score_map: ScoreMap | None, thresholds: str) -> None:
    """The scores of a network that was trained briefly are low, and thresholds may then drop everybody."""
    if score_map is None:
        logger.warning(
            "%s: its scores are not calibrated, so %s may drop people; run pose-track calibrate, or lower them",
            path,
            thresholds,
        )


def _build_keypoints(
    network: PoseNetwork, settings: StageSettings, device: str, profile: Profiler
) -> tuple[KeypointFunction, Description]:
    """The keypoint network, ready to run, and how it runs."""
    options, codec = settings.pose, network.codec
    twins = network.skeleton.body_twins if settings.tracker.needs_second_peaks else ()
    if network.exported is None and device != "cpu" and resolve_runtime(settings.runtime.name, device) == "torch":
        from pose_track.pose.torch_keypoints import TorchKeypoints

        model = build_pose_network(network, options.flip_test, settings.tracker.needs_appearance)
        keypoints = TorchKeypoints(
            model, codec, device, settings.runtime.precision, options.max_batch, options.scales, twins
        )
        return profile.timed(_profile_name("pose", keypoints), keypoints), _describe_run(keypoints)
    runtime = _build_pose_runtime(network, settings, device)
    run = profile.timed(_profile_name("pose", runtime), runtime)
    if network.exported is not None and network.exported.decodes:
        return DecodedKeypoints(run, codec.input_size, options.max_batch), _describe_run(runtime)
    return CroppedKeypoints(run, codec, options.max_batch, options.scales, twins), _describe_run(runtime)


def _build_pose_runtime(network: PoseNetwork, settings: StageSettings, device: str) -> Runtime:
    options, needs_appearance = settings.runtime, settings.tracker.needs_appearance
    if network.exported is None:
        spec = pose_spec(network, settings.pose.flip_test, needs_appearance)
        return make_runtime(spec, options.name, device, options.precision)
    if options.name not in ("auto", "onnx"):
        raise ValueError(f"{str(network.path)!r} runs with --runtime onnx only; leave out {options.name}")
    resolve_runtime("onnx", device, options.precision)
    check_stated_types(network.path, options.precision)
    if needs_appearance and not network.exported.has_appearance:
        logger.warning(
            "%s was exported without --appearance, so the tracker cannot compare people's appearance", network.path
        )
    from pose_track.runtime.onnx_runtime import open_exported  # ONNX Runtime is optional

    return open_exported(network.path, device)


class _RunningNetwork(Protocol):
    """A network that states its device and precision."""

    @property
    def device(self) -> str: ...
    @property
    def precision(self) -> str: ...


def _profile_name(stage: str, network: _RunningNetwork) -> str:
    """The name of a network in a profile."""
    return f"network: {stage}, {network.precision}"


def _describe_run(network: _RunningNetwork) -> Description:
    return {"device": network.device, "precision": network.precision}


class _ImageDetector:
    """A detector of images as a detector of frames. (Recorded boxes need the frame's index.)"""

    def __init__(self, detect_images: Callable[[Sequence[ImageArray]], list[Detections]]) -> None:
        self._detect_images = detect_images

    def __call__(self, frame: Frame) -> Detections:
        return self.run_batch([frame])[0]

    def run_batch(self, frames: Sequence[Frame]) -> list[Detections]:
        return self._detect_images([frame.image for frame in frames])
