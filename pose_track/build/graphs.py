"""The networks that the settings name as graphs, ONNX or OpenVINO files of others: what they are taken for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pose_track.config.networks import BUNDLED, GRAPH_SUFFIXES, DetectorSettings, KeypointSettings
from pose_track.detection.graph_detector import Resize
from pose_track.models.codec import Codec
from pose_track.models.graph_input import Pixels, graph_input
from pose_track.models.graph_layouts import PIXELS, Layout, box_layout, pose_layout
from pose_track.models.simcc import SimccCodec
from pose_track.models.single_pose import SinglePoseCodec
from pose_track.runtime.graph import read_ports, sized_outputs
from pose_track.structures.skeleton import SKELETONS, Skeleton
from pose_track.utils.hashing import file_sha256
from pose_track.weights.entries.entry import PublishedGraph, Use
from pose_track.weights.resolve import weights_file
from pose_track.weights.zoo import LIST_COMMAND, find_published

PoseCodec = Codec | SimccCodec | SinglePoseCodec

_SKELETONS = {17: "coco_17", 26: "halpe_26", 133: "coco_wholebody_133"}
"""By number of joints: the skeleton of all published networks of these layouts with so many. Heatmap networks of 17
joints are of two."""

_DETECTOR_SIZE = (640, 640)  # of a detector that takes images of any size
_EXPORTED_KEYS = (b"has_preprocessing", b"weights_sha256")  # metadata of the files that this project exports

# settings of `KeypointSettings` with an effect on some networks only, by layout; the others have none of them
_OPTIONS = {
    "heatmaps": ("heatmap_type", "sigma", "decoding", "scales", "flip_test", "padding"),
    "simcc": ("sigma", "decoding", "beta", "flip_test", "padding"),
    "single_pose": ("padding",),
}


@dataclass(frozen=True)
class PoseGraph:
    """A keypoint network that is a graph.

    layout, pixels: what it returns and takes.
    input_size: (w, h) of its input.
    codec: how its crops are cut and its outputs decoded; None of a one-stage network.
    description: for display.
    """

    path: Path
    layout: Layout
    pixels: Pixels
    input_size: tuple[int, int]
    skeleton: Skeleton
    codec: PoseCodec | None
    description: str

    def metadata(self) -> dict[str, str]:
        """The network's input and decoding, for the header of the results."""
        decoding = {"decoding": "one stage", "scores": "raw"} if self.codec is None else self.codec.describe()
        return {"about": self.description, "input_size": "{}x{}".format(*self.input_size), **decoding}


@dataclass(frozen=True)
class DetectorGraph:
    """A person detector that is a graph; see `PoseGraph` and `GraphDetector`."""

    path: Path
    layout: Layout
    pixels: Pixels
    input_size: tuple[int, int]
    resize: Resize
    person: int
    description: str


def names_graph(name_or_path: str | None) -> bool:
    """Whether a setting names a graph of others: a published one, or a file by its suffix and without the metadata of
    this project's exports."""
    if name_or_path in (None, BUNDLED):
        return False
    path = Path(str(name_or_path))
    if path.is_file():
        return path.suffix.lower() in GRAPH_SUFFIXES and not _is_exported(path)
    return isinstance(find_published(str(name_or_path)), PublishedGraph) or path.suffix.lower() in GRAPH_SUFFIXES


def names_detector(settings: DetectorSettings) -> bool:
    """Whether the settings name a source of boxes, instead of leaving it at the bundled detector."""
    return settings.name != "compact" or settings.weights is not None


def finds_boxes(pose: KeypointSettings, detector: DetectorSettings) -> bool:
    """Whether the keypoint network is a one-stage one that the boxes come from, too. Raises as `pose_graph`."""
    return not names_detector(detector) and names_graph(pose.weights) and pose_graph(pose).layout.is_one_stage


def pose_graph(settings: KeypointSettings) -> PoseGraph:
    """The graph that `pose.weights` names.

    Raises FileNotFoundError for a missing file; ValueError, naming the settings that help, for one that is no such
    network or takes another input than its entry states, and for settings that contradict it or have no effect;
    ConnectionError as `weights_file`.
    """
    path, entry = _file(settings.weights, ("pose", "one_stage"))
    size = _input_size(path, entry, settings.input_size, "pose.input_size", None)
    layout = _layout(path, size, is_detector=False)
    _check_entry(path, entry, layout)
    _check_effects(settings, layout)
    skeleton = _skeleton(settings, entry, layout)
    description = f"{entry.name}: {entry.result}; {entry.licence}" if entry else f"taken for {layout}"
    codec = None if layout.is_one_stage else _codec(settings, layout, size, path)
    return PoseGraph(path, layout, _pixels(settings.pixels, entry, layout), size, skeleton, codec, description)


def detector_graph(settings: DetectorSettings) -> DetectorGraph:
    """The graph that `detector.weights` names. Raises as `pose_graph`."""
    if settings.name != "compact":
        raise ValueError(f"{settings.weights!r} is a detector of its own; leave detector.name {settings.name} out")
    path, entry = _file(str(settings.weights), ("detector",))
    size = _input_size(path, entry, settings.input_size, "detector.input_size", _DETECTOR_SIZE)
    layout = _layout(path, size, is_detector=True)
    _check_entry(path, entry, layout)
    pixels = settings.pixels or (entry.pixels if entry else PIXELS.get(layout.kind))
    if pixels is None:
        raise ValueError(
            f"{str(path)!r} was taken for {layout}, which tells nothing of its input; give --detector.pixels: "
            "bgr_imagenet for RTMDet, bgr_255 for YOLOX"
        )
    resize: Resize = settings.resize or ("stretch" if layout.kind == "picodet" else "letterbox")
    description = f"{entry.name}: {entry.result}; {entry.licence}" if entry else f"taken for {layout}"
    return DetectorGraph(path, layout, pixels, size, resize, settings.person_class or 0, description)


def _is_exported(path: Path) -> bool:
    stat = path.stat()
    return _holds_metadata(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=8)
def _holds_metadata(path: Path, mtime: int, size: int) -> bool:
    """mtime, size: of the file, which may be replaced."""
    content = path.read_bytes()
    return all(key in content for key in _EXPORTED_KEYS)


def _file(name_or_path: str, uses: Sequence[Use]) -> tuple[Path, PublishedGraph | None]:
    """The file, and its entry of published weights if it is one of these.

    Raises ValueError for an entry of another use, before it is downloaded, and as `weights_file`.
    """
    entry = find_published(name_or_path)
    if entry is not None and entry.use not in uses:
        wanted = "detector" if uses == ("detector",) else "keypoint network"
        raise ValueError(f"{name_or_path!r} is no {wanted} ({entry.result}); see {LIST_COMMAND}")
    path = weights_file(name_or_path)
    is_entry = isinstance(entry, PublishedGraph) and file_sha256(path).startswith(entry.sha256)
    return path, entry if is_entry and isinstance(entry, PublishedGraph) else None


def _input_size(
    path: Path,
    entry: PublishedGraph | None,
    chosen: tuple[int, int] | None,
    name: str,
    default: tuple[int, int] | None,
) -> tuple[int, int]:
    """The (w, h) of the input. name: of the setting. default: of a graph of any size; None where users choose."""
    try:
        stated = graph_input(read_ports(path).inputs).size
    except ValueError as error:
        raise ValueError(_with_file(path, error)) from None
    if entry is not None and stated not in (None, entry.input_size):
        raise ValueError(f"{str(path)!r} takes images of {stated}, but {entry.name} takes {entry.input_size}")
    size = chosen or stated or (entry.input_size if entry else default)
    if size is None:
        raise ValueError(f"{str(path)!r} takes images of any size; give --{name}, such as '[192, 256]'")
    return size


def _layout(path: Path, size: tuple[int, int], is_detector: bool) -> Layout:
    try:
        return (box_layout if is_detector else pose_layout)(sized_outputs(path, size), size)
    except ValueError as error:
        other = "a function of yours can run any network: see docs/custom_models.md"
        raise ValueError(f"{_with_file(path, error)}; {other}") from None


def _with_file(path: Path, error: ValueError) -> str:
    return str(error) if str(path) in str(error) else f"{str(path)!r} {error}"


def _check_entry(path: Path, entry: PublishedGraph | None, layout: Layout) -> None:
    if entry is not None and entry.outputs != layout.kind:
        raise ValueError(f"{str(path)!r} was taken for {layout}, but {entry.name} returns {entry.outputs}")


def _check_effects(settings: KeypointSettings, layout: Layout) -> None:
    """Raises ValueError for a setting that differs from its default and has no effect on the layout."""
    effective = _OPTIONS.get(layout.kind, ())
    for name in sorted({name for names in _OPTIONS.values() for name in names} - set(effective)):
        if getattr(settings, name) != type(settings).model_fields[name].default:
            raise ValueError(f"pose.{name} has no effect on {settings.weights!r}, {layout}; leave it out")
    if layout.kind == "simcc" and settings.decoding not in (None, "dark"):
        raise ValueError(f"pose.decoding {settings.decoding} is of heatmaps; {settings.weights!r} has dark, or null")


def _skeleton(settings: KeypointSettings, entry: PublishedGraph | None, layout: Layout) -> Skeleton:
    """Raises ValueError where nothing states the joints, or a setting contradicts."""
    stated = SKELETONS[entry.skeleton] if entry and entry.skeleton else None
    if stated is None and settings.skeleton is None and layout.kind != "heatmaps":
        stated = SKELETONS.get(_SKELETONS.get(layout.num_joints, ""))
    skeleton = settings.skeleton or stated
    if skeleton is None:
        fitting = [known.name for known in SKELETONS.values() if known.num_joints == layout.num_joints]
        choices = " or ".join((*fitting, "a YAML file"))
        raise ValueError(f"{settings.weights!r} was taken for {layout}; give them as --pose.skeleton ({choices})")
    if skeleton.num_joints != layout.num_joints:
        raise ValueError(f"{settings.weights!r} was taken for {layout}, but {skeleton} has {skeleton.num_joints}")
    if entry and stated and skeleton.joint_names != stated.joint_names:
        raise ValueError(f"pose.skeleton {skeleton} contradicts {settings.weights!r}, which is {stated}; leave it out")
    return skeleton


def _codec(settings: KeypointSettings, layout: Layout, size: tuple[int, int], path: Path) -> PoseCodec:
    if layout.kind == "single_pose":
        return SinglePoseCodec(size)
    if layout.kind == "simcc":
        bins = sized_outputs(path, size)[layout.outputs[0]].shape[2]
        assert bins is not None
        return SimccCodec(size, bins / size[0], settings.sigma, settings.decoding == "dark", settings.beta)
    if settings.heatmap_type is None:
        raise ValueError(
            f"{settings.weights!r} was taken for {layout}; give --pose.heatmap_type (gaussian, dark or udp, as in its "
            "training)"
        )
    return Codec(settings.heatmap_type, size, settings.sigma or size[1] / 128, settings.decoding)


def _pixels(chosen: Any, entry: PublishedGraph | None, layout: Layout) -> Pixels:
    pixels: Pixels = chosen or (entry.pixels if entry else PIXELS[layout.kind])
    return pixels
