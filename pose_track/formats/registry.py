"""Formats by name: those that can be written, and those that can be read.

The module of a format is imported on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from pose_track.formats.identify import identify_folder, identify_format
from pose_track.formats.problems import Problems
from pose_track.structures.sequence import FrameSource
from pose_track.structures.skeleton import Skeleton

__all__ = [
    "FORMATS",
    "READABLE",
    "TOOLS",
    "Format",
    "identify_format",
    "layout_to_write",
    "read_sequence",
    "readable_files",
]

Writer = Callable[[FrameSource, Path], None]

TOOLS = ("trc", "deeplabcut", "movement", "openpose", "mmpose", "ultralytics", "mediapipe", "sleap")
"""The formats of science and of other estimators that can be read."""

# module, function, and whether it takes `Problems`
_READERS = {
    "posetrack": ("posetrack.reader", "read_posetrack", True),
    "mot": ("mot", "read_mot", True),
    "cvat": ("cvat.reader", "read_cvat", True),
    "label-studio": ("label_studio.reader", "read_label_studio", True),
    "trc": ("trc", "read_trc", False),
    "deeplabcut": ("deeplabcut", "read_deeplabcut", False),
    "movement": ("movement_netcdf", "read_movement", False),
    "openpose": ("openpose_reader", "read_openpose", False),
    "mmpose": ("mmpose_reader", "read_mmpose", False),
    "ultralytics": ("ultralytics", "read_ultralytics", False),
    "mediapipe": ("mediapipe", "read_mediapipe", False),
    "sleap": ("sleap", "read_sleap", False),
}
READABLE = ("tracks", "coco", *_READERS)
READABLE_SUFFIXES = (".jsonl", ".json", ".txt", ".xml", ".trc", ".h5", ".nc", ".slp")


@dataclass(frozen=True)
class Format:
    """A format that can be written.

    module, function: the writer's place below `pose_track.formats`.
    suffix: of its files; "" for a folder.
    has_people: False for the description of a tool's project, which has the joints only.
    """

    module: str
    function: str
    suffix: str
    has_people: bool = True

    @property
    def write(self) -> Writer:
        writer: Writer = getattr(import_module(f"pose_track.formats.{self.module}"), self.function)
        return writer


# PoseTrack21 has the layout of 2018
FORMATS: Mapping[str, Format] = {
    "tracks": Format("tracks_export", "write_tracks", ".jsonl"),
    "posetrack17": Format("posetrack.v2017_writer", "write_posetrack17", ".json"),
    "posetrack18": Format("posetrack.v2018_writer", "write_posetrack18", ".json"),
    "coco": Format("coco_results", "write_coco_results", ".json"),
    "coco-dataset": Format("coco_dataset", "write_coco_dataset", ".json"),
    "mot": Format("mot", "write_mot", ".txt"),
    "alphapose": Format("alphapose", "write_alphapose", ".json"),
    "openpose": Format("openpose", "write_openpose", ""),
    "mmpose": Format("mmpose", "write_mmpose", ".json"),
    "cvat": Format("cvat.writer", "write_cvat", ".xml"),
    "cvat-labels": Format("cvat.labels", "write_cvat_labels", ".json", has_people=False),
    "label-studio": Format("label_studio.writer", "write_label_studio", ".json"),
    "label-studio-config": Format("label_studio.config", "write_label_studio_config", ".xml", has_people=False),
    "trc": Format("trc", "write_trc", ""),
    "deeplabcut": Format("deeplabcut", "write_deeplabcut", ".csv"),
    "movement": Format("movement_netcdf", "write_movement", ".nc"),
    "sleap": Format("sleap", "write_sleap", ".slp"),
    "nwb": Format("nwb", "write_nwb", ""),
    "c3d": Format("c3d", "write_c3d", ""),
    "bvh": Format("bvh", "write_bvh", ""),
    "person-json": Format("person_json", "write_person_json", ""),
    "csv": Format("tables", "write_csv", ".csv"),
    "parquet": Format("tables", "write_parquet", ".parquet"),
}


def readable_files(path: Path) -> list[Path]:
    """The file itself, the folder itself where it holds one video, or the files in it that have one of
    READABLE_SUFFIXES.

    Raises FileNotFoundError where the path does not exist, and ValueError for a folder without such files.
    """
    if not path.exists():
        raise FileNotFoundError(f"{str(path)!r} does not exist; check the path")
    if not path.is_dir() or identify_folder(path) is not None:
        return [path]
    paths = sorted(p for p in path.glob("[!.]*") if p.is_file() and p.suffix in READABLE_SUFFIXES)
    if not paths:
        raise ValueError(f"{str(path)!r} holds no file with {', '.join(READABLE_SUFFIXES)}")
    return paths


def layout_to_write(layout: str, path: Path) -> str:
    """The format, one of FORMATS, of changed people that were read in a layout: the same, where it can be written, but
    for the suffix .jsonl a tracks.jsonl.

    >>> layout_to_write("deeplabcut", Path("a.csv")), layout_to_write("mediapipe", Path("a.json"))
    ('deeplabcut', 'tracks')
    """
    return "tracks" if path.suffix == ".jsonl" or layout not in FORMATS else layout


def read_sequence(path: str | Path, problems: Problems | None = None, skeleton: Skeleton | None = None) -> FrameSource:
    """Read a file, or a folder with one video, of any format in READABLE.

    skeleton: the joints of COCO results, which do not name them. Raises ValueError for a file of another format or
    with errors (see `Problems`), for a skeleton where the file names its own, and ImportError where the format needs
    a package that is not installed.
    """
    name, problems = identify_format(path), problems or Problems()
    if skeleton is not None and name != "coco":
        raise ValueError(f"{path} is not COCO results and names its own joints; leave out the skeleton")
    if name == "tracks":
        from pose_track.formats.tracks_source import TracksSource

        return TracksSource(path, allow_cut_end=problems.lenient)
    if name == "coco":
        from pose_track.formats.coco_results import read_coco_results

        return read_coco_results(path, problems, skeleton)
    module, function, is_lenient = _READERS[name]
    read = getattr(import_module(f"pose_track.formats.{module}"), function)
    source: FrameSource = read(path, problems) if is_lenient else read(path)
    return source
