"""The figures of a pair of networks, a keypoint network and a detector, on the sets of a `QualityConfig`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pose_track.benchmarks.consistency import track_frames
from pose_track.benchmarks.posetrack.dataset import scan_dataset
from pose_track.benchmarks.posetrack.run import run_posetrack
from pose_track.benchmarks.quality.config import ImageSet, PoseTrackSet, QualityConfig, VideoSet
from pose_track.benchmarks.quality.figures import Figure, Network
from pose_track.benchmarks.quality.reference import read_reference, reference_pck
from pose_track.build.networks import describe_weights, detector_network, pose_network
from pose_track.build.specs import detector_spec, pose_spec
from pose_track.build.stages import build_stages
from pose_track.config.load import configs_folder, load_settings, preset_path
from pose_track.config.settings import PoseTrackSettings, Settings
from pose_track.datasets.images import ImageStore
from pose_track.datasets.load import load_people
from pose_track.evaluation.box_ap import detection_metrics
from pose_track.evaluation.side_consistency import ANY, Share, SideConsistency, side_consistency
from pose_track.runtime.device import resolve_device
from pose_track.runtime.select import make_runtime
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.skeleton import Skeleton
from pose_track.training.prediction import predict_poses
from pose_track.training.validation import detect_labelled, exhaustive_images, pose_evaluator

POSETRACK_CONFIG = "benchmark/bundled.yaml"


def measure_quality(config: QualityConfig, roots: Sequence[Path], overrides: Mapping[str, str]) -> Iterator[Figure]:
    """The figures of all sets, in the order of the config.

    roots: folders that paths of the config are relative to; the first that holds a set counts.
    overrides: dotted settings of the stages, such as "pose.weights".

    Raises as `load_settings` and `build_stages`, and ValueError or FileNotFoundError for a broken set.
    """
    chosen, sets = stage_settings(config, overrides), _Sets(roots)
    settings = load_settings(Settings, preset_path(config.preset), chosen)
    posetrack = load_settings(PoseTrackSettings, configs_folder() / POSETRACK_CONFIG, chosen)
    yield from _people_figures(config.people, settings, sets)
    for data in config.posetrack:
        yield from _posetrack_figures(data, posetrack, sets)
    yield from _video_figures(config, settings, sets)
    yield from _boxes_figures(config.boxes, settings, sets)


def stage_settings(config: QualityConfig, overrides: Mapping[str, str]) -> dict[str, str]:
    """The settings that replace those of the presets: the decoding of the config, and the overrides."""
    return {**({} if config.decoding is None else {"pose.decoding": config.decoding}), **overrides}


def describe_networks(config: QualityConfig, overrides: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The file and the hash of each network, and how it is used. Raises as `load_settings` and `pose_network`."""
    settings = load_settings(Settings, preset_path(config.preset), stage_settings(config, overrides))
    described = describe_weights(settings)
    pose = described["pose"] | pose_network(settings.pose).metadata()
    return {"pose": pose, "detector": described["detector"] | {"long_side": str(settings.detector.long_side)}}


class _Sets:
    """Finds the files of sets below several folders."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = roots

    def find(self, path: Path) -> Path | None:
        """The path below the first folder that holds it; None where none does."""
        return next((root / path for root in self._roots if (root / path).exists()), None)

    def images(self, data: ImageSet) -> ImageSet | None:
        """The set with paths that exist; None where it is absent."""
        annotations, images = self.find(data.annotations), self.find(data.images)
        if annotations is None or images is None:
            return None
        return data.model_copy(update={"annotations": annotations, "images": images})


def _absent(network: Network, name: str, path: Path) -> Figure:
    return Figure(network, name, None, note=f"{path} is absent")


def _people_figures(people: Sequence[ImageSet], settings: Settings, sets: _Sets) -> Iterator[Figure]:
    """PCK@0.2 of the torso in the labelled boxes, by source, with the runtime of the settings."""
    network, options = pose_network(settings.pose), settings.runtime
    spec = pose_spec(network, settings.pose.flip_test)
    run = make_runtime(spec, options.name, resolve_device(settings.device), options.precision)
    for data in people:
        name, found = f"{data.name} PCK@0.2", sets.images(data)
        if found is None:
            yield _absent("keypoints", name, data.annotations)
            continue
        labelled = load_people("auto", found.annotations, network.skeleton)
        evaluator = pose_evaluator(labelled, network.skeleton, found.annotations, "pck")
        metrics = evaluator.compute(predict_poses(run, network.codec, ImageStore(found.images), evaluator.candidates))
        (main, value), *others = metrics.items()
        parts = {key.removeprefix(f"{main}_"): part for key, part in others}
        yield Figure("keypoints", name, value, parts, note=f"{len(labelled)} people")


def _boxes_figures(boxes: Sequence[ImageSet], settings: Settings, sets: _Sets) -> Iterator[Figure]:
    """AP50, AP75 and AR75 of people taller than 15 % of the image, by source."""
    network, options = detector_network(settings.detector), settings.runtime
    if network.name != "compact":
        raise ValueError(f"detector.name {network.name} is not measured here; leave it out, or choose compact")
    run = make_runtime(detector_spec(network), options.name, resolve_device(settings.device), options.precision)
    for data in boxes:
        found = sets.images(data)
        names = {key: f"{data.name} {key.upper()}" for key in ("ap50", "ap75", "ar75")}
        if found is None:
            yield from (_absent("detector", name, data.annotations) for name in names.values())
            continue
        labels = exhaustive_images(found.annotations)
        metrics = detection_metrics(
            labels, detect_labelled(run, ImageStore(found.images), labels, settings.detector.long_side)
        )
        for key, name in names.items():
            parts = {k.removeprefix(f"{key}_"): value for k, value in metrics.items() if k.startswith(f"{key}_")}
            yield Figure("detector", name, metrics[key], parts, note=f"{len(labels)} images, mean of the sources")


def _posetrack_figures(data: PoseTrackSet, settings: PoseTrackSettings, sets: _Sets) -> Iterator[Figure]:
    """AP and MOTA of the PoseTrack benchmark, in poseval's mode; no MOTA of sequences with one frame."""
    root = sets.find(data.root)
    if root is None:
        yield from (_absent("keypoints", f"{data.name} {metric}", data.root) for metric in ("AP", "MOTA"))
        return
    with TemporaryDirectory() as folder:
        result = run_posetrack(scan_dataset(root, data.year, data.split), settings, Path(folder))
    if result.evaluation is None or result.failed:
        reasons = "; ".join(result.failed.values()) or "nobody is labelled"
        raise ValueError(f"{root} cannot be measured: {reasons}")
    totals = result.evaluation.modes["poseval"]
    for metric, value in (("AP", float(totals.ap[-1])), ("MOTA", float(totals.mota[-1]))):
        if not math.isnan(value):
            yield Figure("keypoints", f"{data.name} {metric}", value / 100, percent=True)


def _video_figures(config: QualityConfig, settings: Settings, sets: _Sets) -> Iterator[Figure]:
    """Joints near the given ones; then the consistency of left and right over all videos."""
    if not config.videos:
        return
    stages = build_stages(settings)
    found, absent = {}, []
    for data in config.videos:
        video = sets.find(data.video)
        if video is None:
            absent.append(data.name)
        tracked = [] if video is None else list(track_frames(video, stages, settings.reader, config.max_frames))
        if video is not None:
            found[data.name] = side_consistency(tracked, stages.skeleton, settings.output.min_joint_score)
        if data.joints is not None:
            yield _reference_figure(data, tracked, stages.skeleton, sets)
    yield from _consistency_figures(found, absent)


def _reference_figure(data: VideoSet, tracked: Sequence[TrackedPoses], skeleton: Skeleton, sets: _Sets) -> Figure:
    """The share of the given joints that are found; see `reference_pck`."""
    assert data.joints is not None
    name = f"{data.name} joints within {100 * data.max_distance:g} % of height"
    joints, video = sets.find(data.joints), sets.find(data.video)
    if joints is None or video is None:
        return _absent("keypoints", name, data.joints if joints is None else data.video)
    total, by_joint = reference_pck(tracked, read_reference(joints, skeleton, data.joint_names), data.max_distance)
    values = zip(skeleton.joint_names, by_joint.tolist(), strict=True)
    parts = {joint: value for joint, value in values if not math.isnan(value)}
    return Figure("keypoints", name, total, parts, percent=True, note=f"{len(tracked)} frames")


def _consistency_figures(videos: Mapping[str, SideConsistency], absent: Sequence[str]) -> Iterator[Figure]:
    """The two shares over the person-frames of all videos, by joint and by video."""
    for attribute, name in (("changes", "sides change"), ("close", "sides coincide")):
        shares: dict[str, Mapping[str, Share]] = {video: getattr(result, attribute) for video, result in videos.items()}
        if not shares:
            yield Figure("keypoints", name, None, note="all videos are absent")
            continue
        joints = next(iter(shares.values()))
        pooled = {joint: sum((share[joint] for share in shares.values()), Share()) for joint in joints}
        parts = {joint: share.value for joint, share in pooled.items() if joint != ANY}
        parts |= {video: share[ANY].value for video, share in shares.items()}
        missing = f", absent: {', '.join(absent)}" if absent else ""
        note = f"{pooled[ANY].count} of {pooled[ANY].total} person-frames{missing}"
        yield Figure("keypoints", name, pooled[ANY].value, parts, percent=True, note=note)
