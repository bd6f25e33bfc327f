"""Detectors and pose estimators by graphs, ONNX or OpenVINO files of others, ready to run."""

from __future__ import annotations

import logging
from typing import cast, get_args

from pose_track.build.graphs import DetectorGraph, PoseGraph
from pose_track.config.networks import DetectorSettings
from pose_track.config.settings import StageSettings
from pose_track.detection.graph_detector import GraphDetector
from pose_track.detection.one_stage import OneStageNetwork
from pose_track.models.codec import Codec
from pose_track.models.graph_boxes import BoxLayout
from pose_track.models.graph_poses import PoseLayout
from pose_track.pose.estimator import PoseEstimator
from pose_track.pose.graph_runs import DecodingRun, FlippedRun
from pose_track.pose.keypoints import CroppedKeypoints, DecodedKeypoints, KeypointFunction
from pose_track.runtime.graph import GraphRuntime, is_openvino_file, open_graph
from pose_track.runtime.model_spec import Run
from pose_track.utils.extras import missing_modules
from pose_track.utils.profiler import NULL_PROFILER, Profiler

logger = logging.getLogger(__name__)


def build_graph_estimator(
    network: PoseGraph, settings: StageSettings, device: str, profile: Profiler = NULL_PROFILER
) -> tuple[PoseEstimator | OneStageNetwork, GraphRuntime]:
    """The pose estimator of a graph, and its runtime. Logs what the graph was taken for. Raises as `open_graph`."""
    options, runtime = settings.pose, _open(network, settings, device)
    logger.info("%s: %s", network.path, network.description)
    if settings.tracker.needs_appearance:
        logger.info("%s has no appearance embedding, so the tracker cannot compare people by it", network.path)
    run = profile.timed(f"network: pose, {runtime.precision}", runtime)
    if network.codec is None:
        return _one_stage(network, run, settings), runtime
    keypoints = _keypoints(network, run, settings)
    estimate = PoseEstimator(
        keypoints, network.skeleton, network.codec, options.padding, options.max_oks, output_skeleton=options.joints
    )
    return estimate, runtime


def build_graph_detector(
    network: DetectorGraph, settings: StageSettings, device: str, profile: Profiler = NULL_PROFILER
) -> tuple[GraphDetector, GraphRuntime]:
    """The detector of a graph, and its runtime. Logs what the graph was taken for. Raises as `open_graph`."""
    options, runtime = settings.detector, _open(network, settings, device)
    logger.info("%s: %s", network.path, network.description)
    warn_of_default_score(network, options)
    detector = GraphDetector(
        profile.timed(f"network: detector, {runtime.precision}", runtime),
        cast(BoxLayout, network.layout.kind),
        network.input_size,
        network.resize,
        options.min_score,
        options.max_iou,
        network.person,
    )
    return detector, runtime


def build_graph_keypoints(
    network: PoseGraph, settings: StageSettings, device: str
) -> tuple[KeypointFunction, GraphRuntime]:
    """The joints in crops by a graph that is no one-stage network, and its runtime. Raises as `open_graph`."""
    runtime = _open(network, settings, device)
    return _keypoints(network, runtime, settings), runtime


def warn_of_default_score(network: DetectorGraph | PoseGraph, options: DetectorSettings) -> None:
    """The default threshold is for the calibrated scores of the bundled detector."""
    if "min_score" not in options.model_fields_set:
        logger.warning(
            "%s: its scores are not calibrated, and detector.min_score %g is for the bundled detector; 0.3 to 0.5 is "
            "usual",
            network.path,
            options.min_score,
        )


def _open(network: PoseGraph | DetectorGraph, settings: StageSettings, device: str) -> GraphRuntime:
    if settings.device == "auto" and device != "cpu" and not _runs_on(network, device):
        logger.warning("%s runs on the CPU; for the GPU give an ONNX file and install onnxruntime-gpu", network.path)
        device = "cpu"
    runtime, outputs = settings.runtime, network.layout.outputs
    return open_graph(
        network.path, network.pixels, outputs, network.input_size, runtime.name, device, runtime.precision
    )


def _runs_on(network: PoseGraph | DetectorGraph, device: str) -> bool:
    if is_openvino_file(network.path) or missing_modules("onnxruntime"):
        return False
    from pose_track.runtime.onnx_providers import has_provider

    return has_provider(device)


def _keypoints(network: PoseGraph, run: Run, settings: StageSettings) -> KeypointFunction:
    options, codec = settings.pose, network.codec
    if options.flip_test and codec is not None:
        run = FlippedRun(run, network.skeleton.flip_indices.tolist(), isinstance(codec, Codec) and codec.flip_shift)
    if isinstance(codec, Codec):
        twins = network.skeleton.body_twins if settings.tracker.needs_second_peaks else ()
        return CroppedKeypoints(run, codec, options.max_batch, options.scales, twins)
    assert codec is not None
    return DecodedKeypoints(DecodingRun(run, codec.decode), codec.input_size, options.max_batch)


def _one_stage(network: PoseGraph, run: Run, settings: StageSettings) -> OneStageNetwork:
    assert network.layout.kind in get_args(PoseLayout)
    warn_of_default_score(network, settings.detector)
    return OneStageNetwork(
        run,
        cast(PoseLayout, network.layout.kind),
        network.input_size,
        network.skeleton,
        settings.detector.min_score,
        settings.detector.max_iou,
        settings.pose.max_oks,
        settings.pose.joints,
        settings.pose.max_batch,
    )
