"""The project's own result file, `tracks.jsonl`: a header line, then one line for each decoded frame.

    {"type": "header", "complete": true, "version": ..., "source": ..., "fps": ..., "width": ..., "height": ...,
     "skeleton": ..., "joint_names": [...], "settings": {...}, "weights": {...}}
    {"frame": 17, "pts_seconds": 0.68, "people": [{"track_id": 1, "box": [x1, y1, x2, y2], "score": 0.93,
     "source": "detector", "joints": [[x, y, score], ...]}]}
    {"type": "fault", "message": ..., "frame": 18}
    {"type": "fault", "message": ..., "after_frame": 17}
    {"type": "live", "skipped": 12, "latency_ms": {"median": 21.4, "p95": 38.0}}

A skeleton of the user that has more than names also has "skeleton_definition" in the header, see `skeleton_record`.
A header may also have "names", the names of people by track id: {"1": "Ann"}, and of slow motion "speed_factor", the
speed of the video over that of life; "fps" and "pts_seconds" are those of the video as it is stored.
Positions are pixels with 2 decimals; scores have 4 decimals, times 6. "people" is [] in a frame without people. A fault
with "frame" is damage in the video, which was read on: at or before this frame, or at the video's end where there is
no such frame. A fault with "after_frame" is the last line, written when a run ends early; null where no frame came
before it. A frame of a folder of images also has "image_name", the name of its file. A person of live results whose
track is not confirmed also has "confirmed": false. The line of type "live" is the last one of a live run: how many
frames were skipped, whose indices have no record, and how long results took from the capture of their frame.

"complete" is false while a run writes the file, and stays so where the run is killed or ends with a fault; older
files have no such key.

This module reads the file; `tracks_writer` writes it, and `tracks_source` reads it as a FrameSource.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import Meta

from pose_track.formats.validate import INT64_MAX, MAX_NUMBER
from pose_track.structures.frames import SOURCES, Poses, TrackedPoses
from pose_track.structures.skeleton import SKELETONS, Skeleton
from pose_track.structures.skeleton_record import DEFINITION_KEY, named_skeleton
from pose_track.utils.text_files import utf8_lines

logger = logging.getLogger(__name__)

COMPLETE_KEY = "complete"
HEADER_KEYS = ("version", "source", "fps", "width", "height", "skeleton", "joint_names", "settings", "weights")

_Number = Annotated[float, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]
_Score = Annotated[float, Meta(ge=0, le=1)]
_Index = Annotated[int, Meta(ge=0, le=INT64_MAX)]


class _Header(msgspec.Struct):
    """The values of a header that are used; all others are kept."""

    source: str
    fps: Annotated[float, Meta(gt=0, le=MAX_NUMBER)]
    width: Annotated[int, Meta(ge=1, le=INT64_MAX)] | None
    height: Annotated[int, Meta(ge=1, le=INT64_MAX)] | None
    skeleton: str
    joint_names: Annotated[tuple[str, ...], Meta(min_length=1)]
    settings: dict[str, Any] | None
    image_names: list[str] | None = None
    names: dict[Annotated[str, Meta(pattern="^[1-9][0-9]{0,17}$")], str] | None = None
    speed_factor: Annotated[float, Meta(gt=0, le=MAX_NUMBER)] | None = None


class _Person(msgspec.Struct, forbid_unknown_fields=True):
    track_id: Annotated[int, Meta(ge=1, le=INT64_MAX)]
    box: tuple[_Number, _Number, _Number, _Number]
    score: _Score
    source: Literal[SOURCES]  # type: ignore[valid-type]
    joints: list[tuple[_Number, _Number, _Score]]
    confirmed: bool = True


class _Frame(msgspec.Struct, forbid_unknown_fields=True):
    frame: _Index
    pts_seconds: _Number
    people: list[_Person]
    image_name: str = ""


class _Kind(msgspec.Struct):
    """type: "" of a frame. frame: None of the fault that ended a run."""

    type: str = ""
    frame: int | None = None


class _Fault(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["fault"]
    message: str
    after_frame: _Index | None


class _Damage(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["fault"]
    message: str
    frame: _Index


class _Live(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["live"]
    skipped: _Index
    latency_ms: dict[str, _Number]


_Parsed = TypeVar("_Parsed")


@dataclass(frozen=True)
class FaultRecord:
    """Why a run ended early.

    message: the error, or that the user interrupted it.
    after_frame: index of the last frame in the file; None where there is none.
    """

    message: str
    after_frame: int | None


@dataclass(frozen=True)
class DamageRecord:
    """Damage in the video. frame: the first one at or after it; after the last frame where the video's end is lost."""

    message: str
    frame: int


@dataclass(frozen=True)
class LiveRecord:
    """What a live run states at its end.

    num_skipped: frames that were not tracked, because a newer one was there.
    latency_ms: milliseconds from the capture of a frame to its result, by name: "median" and "p95"; empty where no
        capture was known.
    """

    num_skipped: int
    latency_ms: Mapping[str, float]


class TrackRecords:
    """The frames of a `tracks.jsonl`, read from the file during iteration; each iteration starts at the first frame.

    Iterating yields TrackedPoses by ascending frame index. `fault` is the file's FaultRecord once an iteration has
    reached the end, and None where the file has none; `damage` has the DamageRecords so far, `live` the LiveRecord of a
    live run. A file that was not finished has a fault too, and its last line may be cut off. The first iteration that
    reaches a fault logs a warning.
    """

    def __init__(self, path: Path, skeleton: Skeleton, allow_cut_end: bool, complete: bool = True) -> None:
        self.skeleton = skeleton
        self.fault: FaultRecord | None = None
        self.damage: list[DamageRecord] = []
        self.live: LiveRecord | None = None
        self._path = path
        self._allow_cut_end = allow_cut_end or not complete
        self._complete = complete
        self._warned = False

    def __iter__(self) -> Iterator[TrackedPoses]:
        last: TrackedPoses | None = None
        for number, record in self._records():
            where = f"{self._path}, line {number}"
            if self.fault is not None:
                raise ValueError(f"{where}: no line may follow the fault record; remove it")
            if isinstance(record, _Live):
                self.live = LiveRecord(record.skipped, record.latency_ms)
                continue
            if isinstance(record, _Damage):
                self.damage.append(DamageRecord(record.message, record.frame))
                continue
            if isinstance(record, _Fault):
                self.fault = FaultRecord(record.message, record.after_frame)
                continue
            try:
                tracked = _tracked_poses(record, self.skeleton)
                _check_order(last, tracked)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from error
            last = tracked
            yield tracked
        if self.fault is None and not self._complete:
            message = "the run was killed, or is still writing it"
            self.fault = FaultRecord(message, None if last is None else last.frame_index)
        if self.fault is not None and not self._warned:
            self._warned = True
            logger.warning("%s ends early, after frame %s: %s", self._path, self.fault.after_frame, self.fault.message)

    def _records(self) -> Iterator[tuple[int, _Frame | _Fault | _Damage | _Live]]:
        """Line number, from 1, and record of each line after the header."""
        self.fault, self.damage, self.live = None, [], None
        for number, line in enumerate(utf8_lines(self._path), start=1):
            if number == 1:
                continue
            try:
                record = _decode_record(line, f"{self._path}, line {number}")
            except ValueError:
                if not self._allow_cut_end or line.endswith(b"\n"):
                    raise
                logger.warning("%s, line %d is cut off and left out", self._path, number)
                return
            yield number, record


def _check_order(last: TrackedPoses | None, tracked: TrackedPoses) -> None:
    """Raises ValueError unless a frame is later than the last one; two frames may have one time."""
    if last is None:
        return
    if tracked.frame_index <= last.frame_index:
        raise ValueError(f"frame index must increase, got {tracked.frame_index} after {last.frame_index}")
    if tracked.pts_seconds < last.pts_seconds:
        raise ValueError(f"pts_seconds must not go back, got {tracked.pts_seconds} after {last.pts_seconds}")


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
    first = next(utf8_lines(path), b"")
    where = f"{path}, line 1"
    header = _decode(first, dict[str, Any], where)
    if header.pop("type", None) != "header":
        raise ValueError(f"{where}: must be the header, with type 'header'")
    complete = header.pop(COMPLETE_KEY, True) is True
    try:
        skeleton = header_skeleton(header)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    return header, TrackRecords(path, skeleton, allow_cut_end, complete)


def is_complete(path: Path) -> bool:
    """Whether a `tracks.jsonl` says of itself that its run was finished. Raises ValueError without a header."""
    header = _decode(next(utf8_lines(path), b""), dict[str, Any], f"{path}, line 1")
    return header.get(COMPLETE_KEY, True) is True


def header_skeleton(header: Mapping[str, Any]) -> Skeleton:
    """The skeleton that a header names.

    Raises ValueError where one of HEADER_KEYS is missing or of another type, or the joint names are not those of the
    skeleton, or its definition is invalid.
    """
    missing = [key for key in HEADER_KEYS if key not in header]
    if missing:
        raise ValueError(f"the header lacks {', '.join(missing)}")
    parsed = msgspec.convert(dict(header), _Header)
    name, joint_names = parsed.skeleton, parsed.joint_names
    if DEFINITION_KEY in header or name in SKELETONS:
        skeleton = named_skeleton(name, header.get(DEFINITION_KEY))
    else:
        skeleton = Skeleton(name, joint_names)
    if skeleton.joint_names != joint_names:
        raise ValueError(f"joint_names are not those of {name!r}: {list(joint_names)}")
    return skeleton


def header_names(header: Mapping[str, Any]) -> dict[int, str]:
    """The names of people by track id that a header states.

    >>> header_names({"names": {"3": "Ann"}})
    {3: 'Ann'}
    """
    return {int(track_id): name for track_id, name in (header.get("names") or {}).items()}


def _decode(line: bytes, kind: type[_Parsed], where: str) -> _Parsed:
    """A line as a record. Raises ValueError, with the place and the key, for anything else."""
    try:
        return msgspec.json.decode(line, type=kind)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    except RecursionError:
        raise ValueError(f"{where}: lists are nested too deeply") from None


def _decode_record(line: bytes, where: str) -> _Frame | _Fault | _Damage | _Live:
    """The record of a line after the header."""
    kind = _decode(line, _Kind, where)
    if not kind.type:
        return _decode(line, _Frame, where)
    if kind.type == "live":
        return _decode(line, _Live, where)
    if kind.frame is None:
        return _decode(line, _Fault, where)
    return _decode(line, _Damage, where)


def _tracked_poses(record: _Frame, skeleton: Skeleton) -> TrackedPoses:
    people = record.people
    if not people:
        nobody = Poses.empty(skeleton)
        return TrackedPoses(record.frame, record.pts_seconds, nobody, np.zeros(0, np.int64), record.image_name)
    counts = {len(person.joints) for person in people}
    if counts != {skeleton.num_joints}:
        raise ValueError(f"joints must be {skeleton.num_joints} triples x y score, got {sorted(counts)}")
    boxes = np.array([person.box for person in people], np.float32)
    reversed_boxes = (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
    if reversed_boxes.any():
        raise ValueError(f"box must be x1 y1 x2 y2 with x1 <= x2 and y1 <= y2, got {boxes[reversed_boxes][0].tolist()}")
    joints = np.array([person.joints for person in people], np.float32)  # (N, K, 3)
    scores = np.array([person.score for person in people], np.float32)
    sources = np.array([person.source for person in people], np.str_)
    poses = Poses(joints[..., :2], joints[..., 2], boxes, scores, skeleton, sources)
    track_ids = np.array([person.track_id for person in people], np.int64)
    confirmed = np.array([person.confirmed for person in people], np.bool_)
    return TrackedPoses(record.frame, record.pts_seconds, poses, track_ids, record.image_name, confirmed)
