"""The formats by name: what can be written, and what kind of file one has.

A format's own module is imported when it is first used.
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

Writer = Callable[[FrameSource, Path], None]

READABLE = ("tracks", "posetrack", "coco", "mot")
READABLE_SUFFIXES = (".jsonl", ".json", ".txt")

# the first line of a tracks.jsonl has some thousand bytes; all of a JSON file may be in one line
_LONGEST_HEADER = 2**20


@dataclass(frozen=True)
class Format:
    """One that can be written. module, function: where; suffix: of its files, "" for a folder."""

    module: str
    function: str
    suffix: str

    @property
    def write(self) -> Writer:
        writer: Writer = getattr(import_module(f"pose_track.formats.{self.module}"), self.function)
        return writer


# PoseTrack21 has the layout of 2018
FORMATS: Mapping[str, Format] = {
    "posetrack17": Format("posetrack.v2017_writer", "write_posetrack17", ".json"),
    "posetrack18": Format("posetrack.v2018_writer", "write_posetrack18", ".json"),
    "coco": Format("coco_results", "write_coco_results", ".json"),
    "mot": Format("mot", "write_mot", ".txt"),
    "alphapose": Format("alphapose", "write_alphapose", ".json"),
    "openpose": Format("openpose", "write_openpose", ""),
    "mmpose": Format("mmpose", "write_mmpose", ".json"),
    "csv": Format("tables", "write_csv", ".csv"),
    "parquet": Format("tables", "write_parquet", ".parquet"),
}


def readable_files(path: Path) -> list[Path]:
    """The file itself, or those in a folder that may be ones of poses, by their suffixes.

    Raises FileNotFoundError where there is nothing at all, ValueError where nothing in the folder can be read.
    """
    if not path.exists():
        raise FileNotFoundError(f"{str(path)!r} does not exist; check the path")
    if not path.is_dir():
        return [path]
    found = sorted(p for p in path.glob("[!.]*") if p.is_file() and p.suffix in READABLE_SUFFIXES)
    if not found:
        raise ValueError(f"{str(path)!r} holds no file with {', '.join(READABLE_SUFFIXES)}")
    return found


def recognise(path: str | Path) -> str:
    """Which of READABLE a file is, by how it begins. Raises ValueError, with what can be read, for any other."""
    path = Path(path)
    with path.open("rb") as file:
        lines = (line.strip() for line in iter(lambda: file.readline(_LONGEST_HEADER), b""))
        first = next(filter(None, lines), b"")
    if first.startswith(b"["):
        return "coco"
    if first.startswith(b"{"):
        return "tracks" if path.suffix == ".jsonl" or _is_header(first) else "posetrack"
    if first[:1].isdigit() or (not first and path.suffix == ".txt"):
        return "mot"
    found = f"begins with {first[:30]!r}" if first else "is empty"
    raise ValueError(f"{path} {found}: it is no tracks.jsonl, PoseTrack or COCO results JSON, or MOTChallenge text")


def _is_header(line: bytes) -> bool:
    """Whether this is the first line of a tracks.jsonl; other JSON rarely is whole after one line."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and record.get("type") == "header"


def read_sequence(path: str | Path, problems: Problems | None = None, skeleton: Skeleton | None = None) -> FrameSource:
    """Read a file of any kind in READABLE.

    skeleton: the order of the joints in COCO results, which do not tell it. Raises ValueError for a file of another
    kind or with faults (see `Problems`), and for a skeleton where the file has its own.
    """
    kind, problems = recognise(path), problems or Problems()
    if skeleton is not None and kind != "coco":
        raise ValueError(f"{path} is no COCO results file and has an order of joints of its own: name no skeleton")
    if kind == "tracks":
        from pose_track.formats.tracks_jsonl import TracksSource

        return TracksSource(path, allow_cut_end=problems.lenient)
    if kind == "posetrack":
        from pose_track.formats.posetrack.reader import read_posetrack

        return read_posetrack(path, problems)
    if kind == "coco":
        from pose_track.formats.coco_results import read_coco_results

        return read_coco_results(path, problems, skeleton)
    from pose_track.formats.mot import read_mot

    return read_mot(path, problems)
