"""The networks that the settings name: their files, joints, crops and decoding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pose_track.build.graphs import finds_boxes, names_graph
from pose_track.config.networks import BUNDLED, DetectorSettings, KeypointSettings
from pose_track.config.settings import StageSettings
from pose_track.models.codec import Codec
from pose_track.models.metadata import PoseMetadata
from pose_track.models.score_map import ScoreMap
from pose_track.runtime.exported import EXPORTED_SUFFIX, ExportedMetadata
from pose_track.structures.skeleton import SKELETONS, Skeleton
from pose_track.utils.extras import require
from pose_track.utils.hashing import file_sha256
from pose_track.weights.entries.entry import PublishedPoseWeights, PublishedWeights
from pose_track.weights.identify import identify_weights
from pose_track.weights.metadata import read_score_map
from pose_track.weights.resolve import bundled_weights, describe_file, published_weights, weights_file
from pose_track.weights.zoo import BUNDLED_POSE, LIST_COMMAND, ZOO, find_published

_OPENVINO_SUFFIXES = (".xml", ".bin")


@dataclass(frozen=True)
class DetectorNetwork:
    """The source of boxes.

    path: of the weights, or of the recorded boxes if `name` is "recorded".
    score_map: that the weights state, see `CentreDetector`.
    """

    name: str
    path: Path
    score_map: ScoreMap | None = None


@dataclass(frozen=True)
class PoseNetwork:
    """A keypoint network.

    path: of its weights, or of the network itself if it was exported.
    skeleton: its joints.
    codec: how its crops are cut and its heatmaps decoded.
    description: for display.
    exported: the metadata of an exported network; None for weights.
    """

    path: Path
    skeleton: Skeleton
    codec: Codec
    description: str
    exported: ExportedMetadata | None = None

    def metadata(self) -> dict[str, str]:
        """The network's training and decoding, for the header of the results."""
        input_size = "{}x{}".format(*self.codec.input_size)
        return {"about": self.description, "input_size": input_size, **self.codec.describe()}


@dataclass(frozen=True)
class _Source:
    """What is known of a network without the settings.

    metadata, description, exported: see `PoseNetwork`.
    skeletons: names of the built-in skeletons with as many joints.
    fixed: settings that cannot change what the metadata states.
    """

    metadata: PoseMetadata
    description: str
    skeletons: tuple[str, ...] = tuple(SKELETONS)
    fixed: tuple[str, ...] = ("skeleton", "heatmap_type")
    exported: ExportedMetadata | None = None


def detector_network(settings: DetectorSettings) -> DetectorNetwork:
    """The source of boxes that the settings name.

    Raises FileNotFoundError for a missing file, ValueError for one that is damaged or is a graph of others, and for
    settings that have an effect on these only; and as `weights_file`.
    """
    if names_graph(settings.weights):
        raise ValueError(
            f"{settings.weights!r} is a graph of others; give weights that this project builds a network for"
        )
    for key in ("pixels", "resize", "input_size", "person_class"):
        if getattr(settings, key) is not None:
            raise ValueError(f"detector.{key} has no effect on {settings.name}, only on graphs of others; leave it out")
    if settings.boxes is not None:
        return DetectorNetwork(settings.name, settings.boxes)
    path = detector_path(settings)
    return DetectorNetwork(settings.name, path, read_score_map(path) if settings.name == "compact" else None)


def detector_path(settings: DetectorSettings) -> Path:
    """The weights file of the detector. Raises as `weights_file`."""
    if settings.weights not in (None, BUNDLED):
        return weights_file(str(settings.weights))
    return bundled_weights("detector") if settings.name == "compact" else published_weights(settings.name)


def pose_network(settings: KeypointSettings) -> PoseNetwork:
    """The keypoint network that the settings name, with what its file states and what the settings choose.

    Raises FileNotFoundError for a missing file; ConnectionError if published weights cannot be downloaded; ValueError
    if the settings contradict the file, or neither states how the network was trained; ImportError for a file that
    needs a package that is not installed.
    """
    if names_graph(settings.weights):
        raise ValueError(
            f"{settings.weights!r} is a graph of others; give weights that this project builds a network for"
        )
    for key in ("pixels", "beta"):
        if getattr(settings, key) is not None:
            raise ValueError(
                f"pose.{key} has no effect on {settings.weights!r}, only on graphs of others; leave it out"
            )
    entry = _find_entry(settings.weights)
    path = pose_path(settings)
    source = _identify_source(entry, path, settings)
    _check_contradictions(source, entry, settings)
    chosen = {key: getattr(settings, key) for key in ("skeleton", "heatmap_type", "input_size", "sigma", "decoding")}
    metadata = replace(source.metadata, **{key: value for key, value in chosen.items() if value is not None})
    skeleton, codec = _complete(metadata, source.skeletons, settings.weights)
    return PoseNetwork(path, skeleton, codec, source.description, source.exported)


def pose_path(settings: KeypointSettings) -> Path:
    """The file of the keypoint network. Raises as `weights_file`."""
    return bundled_weights("pose") if settings.weights == BUNDLED else weights_file(settings.weights)


def describe_weights(settings: StageSettings) -> dict[str, dict[str, str]]:
    """The name and hash of each stage's file: {"detector": {"file": ..., "sha256": ...}, "pose": {...}}.

    Raises as `weights_file`.
    """
    pose = describe_file(pose_path(settings.pose))
    if names_graph(settings.detector.weights):
        return {"detector": describe_file(detector_path(settings.detector)), "pose": pose}
    if finds_boxes(settings.pose, settings.detector):
        return {"detector": pose, "pose": pose}
    return {"detector": describe_file(detector_network(settings.detector).path), "pose": pose}


def _find_entry(name_or_path: str) -> PublishedPoseWeights | None:
    """The published weights of this name or file name. Raises ValueError for those of another kind of network."""
    entry: PublishedWeights | None = BUNDLED_POSE if name_or_path == BUNDLED else find_published(name_or_path)
    if entry is not None and not isinstance(entry, PublishedPoseWeights):
        raise ValueError(f"{name_or_path!r} is not a keypoint network ({entry.result}); see {LIST_COMMAND}")
    return entry


def _identify_source(entry: PublishedPoseWeights | None, path: Path, settings: KeypointSettings) -> _Source:
    if entry is not None and (entry is BUNDLED_POSE or file_sha256(path).startswith(entry.sha256)):
        score_map = read_score_map(path) if entry is BUNDLED_POSE else None
        return _published_source(entry, score_map)
    if path.suffix.lower() == EXPORTED_SUFFIX:
        return _exported_source(path, settings)
    return _weights_source(path, settings)


def _published_source(entry: PublishedPoseWeights, score_map: ScoreMap | None) -> _Source:
    metadata = PoseMetadata(
        skeleton=SKELETONS[entry.skeleton],
        input_size=entry.input_size,
        heatmap_type=entry.heatmap_type,
        sigma=entry.sigma,
        blur_kernel_size=entry.blur_kernel_size,
        decoding=entry.decoding,
        score_map=score_map,
    )
    return _Source(metadata, f"{entry.name}: {entry.result}; {entry.licence}")


def _weights_source(path: Path, settings: KeypointSettings) -> _Source:
    suffix = path.suffix.lower()
    if suffix in _OPENVINO_SUFFIXES and all(path.with_suffix(other).is_file() for other in _OPENVINO_SUFFIXES):
        raise ValueError(
            f"{settings.weights!r} is an OpenVINO file, for other programs; give the weights it was exported from, "
            "which OpenVINO runs here too, or export them --to onnx"
        )
    weights = identify_weights(path)
    skeletons = tuple(skeleton.name for skeleton in SKELETONS.values() if skeleton.num_joints == weights.num_joints)
    return _Source(weights, str(weights), skeletons)


def _exported_source(path: Path, settings: KeypointSettings) -> _Source:
    require("onnxruntime", purpose=f"running {settings.weights!r}")
    from pose_track.runtime.onnx_runtime import exported_metadata  # ONNX Runtime is optional

    exported = exported_metadata(path)
    if settings.flip_test and not exported.flip_test:
        raise ValueError(f"{settings.weights!r} was exported without pose.flip_test; leave it out, or export it again")
    if exported.decodes and settings.scales != (1.0,):
        raise ValueError(f"pose.scales has no effect on {settings.weights!r}, which was exported with --decode")
    fixed = ("skeleton", "heatmap_type", "input_size", *(("sigma", "decoding") if exported.decodes else ()))
    return _Source(exported.pose, str(exported), fixed=fixed, exported=exported)


def _check_contradictions(source: _Source, entry: PublishedPoseWeights | None, settings: KeypointSettings) -> None:
    """Raises ValueError for a setting that contradicts the file."""
    for key in source.fixed:
        stated, chosen = getattr(source.metadata, key), getattr(settings, key)
        if stated is not None and chosen is not None and not _agree(stated, chosen):
            identified_by_name = entry is not None and entry.name in ZOO and not entry.sha256
            remedy = "leave it out" + (", or rename the file, which only its name identifies" * identified_by_name)
            raise ValueError(f"pose.{key} {chosen} contradicts {settings.weights!r}, which is {stated}; {remedy}")


def _agree(stated: object, chosen: object) -> bool:
    """Whether two values are equal; of skeletons the joints, for how they are drawn and compared may be chosen."""
    if isinstance(stated, Skeleton) and isinstance(chosen, Skeleton):
        return stated.joint_names == chosen.joint_names
    return stated == chosen


def _complete(metadata: PoseMetadata, skeletons: tuple[str, ...], weights: str) -> tuple[Skeleton, Codec]:
    """The joints and the codec. Raises ValueError, naming the settings to give, for incomplete metadata.

    skeletons: those that the network's joints may be.
    """
    if metadata.skeleton is None or metadata.heatmap_type is None or metadata.input_size is None:
        hints = {
            f"--pose.skeleton ({' or '.join((*skeletons, 'a YAML file'))})": metadata.skeleton,
            "--pose.heatmap_type (gaussian, dark or udp, as in its training)": metadata.heatmap_type,
            "--pose.input_size (w and h of its crops, such as '[192, 256]')": metadata.input_size,
        }
        missing = ", ".join(hint for hint, value in hints.items() if value is None)
        raise ValueError(f"{weights!r} does not state how it was trained; give {missing}")
    sigma = metadata.sigma or metadata.input_size[1] / 128  # as published: 2 at a height of 256, 3 at 384
    codec = Codec(
        metadata.heatmap_type,
        metadata.input_size,
        sigma,
        metadata.decoding,
        metadata.blur_kernel_size,
        metadata.score_map,
    )
    return metadata.skeleton, codec
