"""The project's own result file, `tracks.jsonl`: a header line, then one line for each decoded frame.

    {"type": "header", "version": ..., "source": ..., "fps": ..., "width": ..., "height": ..., "skeleton": ...,
     "joint_names": [...], "settings": {...}, "weights": {...}}
    {"frame": 17, "pts_seconds": 0.68, "people": [{"track_id": 1, "box": [x1, y1, x2, y2], "score": 0.93,
     "source": "detector", "joints": [[x, y, score], ...]}]}
    {"type": "fault", "message": ..., "after_frame": 17}

A skeleton of the user that has more than names also has "skeleton_definition" in the header, see `skeleton_record`.
Positions are pixels with 2 decimals; scores have 4 decimals, times 6. "people" is [] in a frame without people. A fault
record is the last line, written when a run ends early; "after_frame" is null where no frame came before it.

This module reads the file; `tracks_writer` writes it, and `tracks_source` reads it as a FrameSource.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.structures.arrays import IntArray
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.skeleton import SKELETONS, Skeleton
from pose_track.structures.skeleton_record import DEFINITION_KEY, named_skeleton

logger = logging.getLogger(__name__)

HEADER_KEYS = ("version", "source", "fps", "width", "height", "skeleton", "joint_names", "settings", "weights")
FRAME_KEYS = {"frame", "pts_seconds", "people"}
PERSON_KEYS = {"track_id", "box", "score", "source", "joints"}


@dataclass(frozen=True)
class FaultRecord:
    """Why a run ended early.

    message: the error, or that the user interrupted it.
    after_frame: index of the last frame in the file; None where there is none.
    """

    message: str
    after_frame: int | None


class TrackRecords:
    """The frames of a `tracks.jsonl`, read from the file during iteration; each iteration starts at the first frame.

    Iterating yields TrackedPoses by ascending frame index. `fault` is the file's FaultRecord once an iteration has
    reached the end, and None where the file has none.
    """

    def __init__(self, path: Path, skeleton: Skeleton, allow_cut_end: bool) -> None:
        self.skeleton = skeleton
        self.fault: FaultRecord | None = None
        self._path = path
        self._allow_cut_end = allow_cut_end

    def __iter__(self) -> Iterator[TrackedPoses]:
        last_frame: int | None = None
        for number, record in self._records():
            where = f"{self._path}, line {number}"
            if self.fault is not None:
                raise ValueError(f"{where}: no line may follow the fault record; remove it")
            if record.get("type") == "fault":
                self.fault = _read_fault(record, where)
                continue
            tracked = _read_frame(record, self.skeleton, where)
            if last_frame is not None and tracked.frame_index <= last_frame:
                raise ValueError(f"{where}: frame index must increase, got {tracked.frame_index} after {last_frame}")
            last_frame = tracked.frame_index
            yield tracked

    def _records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Line number, from 1, and record of each line after the header."""
        self.fault = None
        with self._path.open(encoding="utf-8") as file:
            next(file)
            for number, line in enumerate(file, start=2):
                try:
                    record = _parse_line(line, f"{self._path}, line {number}")
                except ValueError:
                    if not self._allow_cut_end or line.endswith("\n"):
                        raise
                    logger.warning("%s, line %d is cut off and left out", self._path, number)
                    return
                yield number, record


def read_tracks(path: str | Path, allow_cut_end: bool = False) -> tuple[dict[str, Any], TrackRecords]:
    """Read the header, and return it with the frames, which are read during iteration.

    allow_cut_end: leave out a last line without a line break, as a killed run may leave it, with a warning. Raises
    ValueError, with the line number, for a file that does not have the layout of this module; errors in frames are
    raised during iteration.

        header, frames = read_tracks("tracks.jsonl")
        for tracked in frames:
            ...
    """
    path = Path(path)
    with path.open(encoding="utf-8") as file:
        first = file.readline()
    where = f"{path}, line 1"
    header = _parse_line(first, where)
    if header.pop("type", None) != "header":
        raise ValueError(f"{where}: must be the header, with type 'header'")
    try:
        skeleton = header_skeleton(header)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    return header, TrackRecords(path, skeleton, allow_cut_end)


def header_skeleton(header: Mapping[str, Any]) -> Skeleton:
    """The skeleton that a header names.

    Raises ValueError where one of HEADER_KEYS is missing, or the joint names are not those of the skeleton, or its
    definition is invalid.
    """
    missing = [key for key in HEADER_KEYS if key not in header]
    if missing:
        raise ValueError(f"the header lacks {', '.join(missing)}")
    name, joint_names = header["skeleton"], tuple(header["joint_names"])
    if DEFINITION_KEY in header or name in SKELETONS:
        skeleton = named_skeleton(name, header.get(DEFINITION_KEY))
    else:
        skeleton = Skeleton(name, joint_names)
    if skeleton.joint_names != joint_names:
        raise ValueError(f"joint_names are not those of {name!r}: {list(joint_names)}")
    return skeleton


def _parse_line(line: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line, parse_constant=_reject_constant)
    except ValueError as error:
        raise ValueError(f"{where}: not a complete JSON record ({error})") from error
    if not isinstance(record, dict):
        raise ValueError(f"{where}: must be a JSON object, got {line[:40]!r}")
    return record


def _reject_constant(name: str) -> float:
    raise ValueError(f"JSON has no {name}")


def _read_fault(record: dict[str, Any], where: str) -> FaultRecord:
    if record.keys() != {"type", "message", "after_frame"}:
        raise ValueError(f"{where}: a fault record must have message and after_frame, got {sorted(record)}")
    return FaultRecord(record["message"], record["after_frame"])


def _read_frame(record: dict[str, Any], skeleton: Skeleton, where: str) -> TrackedPoses:
    if record.keys() != FRAME_KEYS:
        raise ValueError(f"{where}: a frame must have {sorted(FRAME_KEYS)}, got {sorted(record)}")
    try:
        index = _integer(record["frame"], "frame", 0)
        poses, track_ids = _read_people(record["people"], skeleton)
        return TrackedPoses(index, float(record["pts_seconds"]), poses, track_ids)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from error


def _integer(value: object, name: str, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    return value


def _read_people(people: list[dict[str, Any]], skeleton: Skeleton) -> tuple[Poses, IntArray]:
    for person in people:
        if person.keys() != PERSON_KEYS:
            raise ValueError(f"a person must have {sorted(PERSON_KEYS)}, got {sorted(person)}")
    if not people:
        return Poses.empty(skeleton), np.zeros(0, np.int64)
    joints = np.array([person["joints"] for person in people], np.float64)  # (N, K, 3)
    if joints.shape != (len(people), skeleton.num_joints, 3):
        raise ValueError(f"joints must be {skeleton.num_joints} triples x y score, got shape {joints.shape[1:]}")
    boxes = np.array([person["box"] for person in people], np.float32)
    scores = np.array([person["score"] for person in people], np.float32)
    sources = np.array([person["source"] for person in people], np.str_)
    poses = Poses(joints[..., :2], joints[..., 2], boxes, scores, skeleton, sources)  # type: ignore[arg-type]
    return poses, np.array([_integer(person["track_id"], "track_id", 1) for person in people], np.int64)
