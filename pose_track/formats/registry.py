"""Formats by name: those that can be written, and identification of those that can be read.

The module of a format is imported on first use.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from pose_track.formats.problems import Problems
from pose_track.structures.sequence import FrameSource
from pose_track.structures.skeleton import Skeleton
from pose_track.utils.text_files import text_encoding

Writer = Callable[[FrameSource, Path], None]

READABLE = ("tracks", "posetrack", "coco", "mot", "cvat", "label-studio")
READABLE_SUFFIXES = (".jsonl", ".json", ".txt", ".xml")

# the header of a tracks.jsonl has some thousand bytes; a line of another JSON file may hold all of it
_MAX_HEADER_BYTES = 2**20
_MAX_KEYS_BYTES = 2**10


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
    "csv": Format("tables", "write_csv", ".csv"),
    "parquet": Format("tables", "write_parquet", ".parquet"),
}


def readable_files(path: Path) -> list[Path]:
    """The file itself, or the files in a folder that have one of READABLE_SUFFIXES.

    Raises FileNotFoundError where the path does not exist, and ValueError for a folder without such files.
    """
    if not path.exists():
        raise FileNotFoundError(f"{str(path)!r} does not exist; check the path")
    if not path.is_dir():
        return [path]
    paths = sorted(p for p in path.glob("[!.]*") if p.is_file() and p.suffix in READABLE_SUFFIXES)
    if not paths:
        raise ValueError(f"{str(path)!r} holds no file with {', '.join(READABLE_SUFFIXES)}")
    return paths


def identify_format(path: str | Path) -> str:
    """The format of a file, one of READABLE, from its first bytes. Raises ValueError for any other format."""
    path = Path(path)
    with path.open("rb") as file:
        start = file.read(_MAX_HEADER_BYTES)
    first = start.decode(text_encoding(start), errors="replace").strip().partition("\n")[0].encode()
    if first.startswith(b"<"):
        return "cvat"
    if first.startswith(b"["):
        return "label-studio" if _is_label_studio(start) else "coco"
    if first.startswith(b"{"):
        from pose_track.formats.coco_entries import is_entry

        if is_entry(first):
            return "coco"
        return "tracks" if path.suffix == ".jsonl" or _is_header(first) else "posetrack"
    if first[:1].isdigit() or (not first and path.suffix == ".txt"):
        return "mot"
    content = f"begins with {first[:30]!r}" if first else "is empty"
    raise ValueError(
        f"{path} {content}; give a tracks.jsonl, PoseTrack JSON, COCO results, MOTChallenge text, "
        "CVAT's XML or Label Studio's JSON"
    )


def _is_label_studio(start: bytes) -> bool:
    """Whether a list of objects is Label Studio's; its first keys are among these, which COCO results do not have."""
    return any(key in start[:_MAX_KEYS_BYTES] for key in (b'"annotations"', b'"predictions"', b'"data"'))


def _is_header(line: bytes) -> bool:
    """Whether this is the first line of a tracks.jsonl; a line of other JSON is rarely valid by itself."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and record.get("type") == "header"


def read_sequence(path: str | Path, problems: Problems | None = None, skeleton: Skeleton | None = None) -> FrameSource:
    """Read a file of any format in READABLE.

    skeleton: the joints of COCO results, which do not name them. Raises ValueError for a file of another format or
    with errors (see `Problems`), and for a skeleton where the file names its own.
    """
    name, problems = identify_format(path), problems or Problems()
    if skeleton is not None and name != "coco":
        raise ValueError(f"{path} is not COCO results and names its own joints; leave out the skeleton")
    if name == "tracks":
        from pose_track.formats.tracks_source import TracksSource

        return TracksSource(path, allow_cut_end=problems.lenient)
    if name == "posetrack":
        from pose_track.formats.posetrack.reader import read_posetrack

        return read_posetrack(path, problems)
    if name == "coco":
        from pose_track.formats.coco_results import read_coco_results

        return read_coco_results(path, problems, skeleton)
    if name == "cvat":
        from pose_track.formats.cvat.reader import read_cvat

        return read_cvat(path, problems)
    if name == "label-studio":
        from pose_track.formats.label_studio.reader import read_label_studio

        return read_label_studio(path, problems)
    from pose_track.formats.mot import read_mot

    return read_mot(path, problems)
