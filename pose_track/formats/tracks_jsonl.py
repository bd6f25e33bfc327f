"""The project's own result file, `tracks.jsonl`: a header line, then one line for each decoded frame as it is done.

    {"type": "header", "version": ..., "source": ..., "fps": ..., "width": ..., "height": ..., "skeleton": ...,
     "joint_names": [...], "settings": {...}, "weights": {...}}
    {"frame": 17, "pts_seconds": 0.68, "people": [{"track_id": 1, "box": [x1, y1, x2, y2], "score": 0.93,
     "source": "detector", "joints": [[x, y, score], ...]}]}
    {"type": "fault", "message": ..., "after_frame": 17}

Positions are pixels with two decimals, scores have four, times six; "people" is [] where nobody is. A fault is the
last line there is, written where a run could not go on; "after_frame" is null when it came before the first frame.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from pose_track.structures.frames import Array, IntArray, Poses, TrackedPoses
from pose_track.structures.sequence import FloatArray, FrameInfo, People
from pose_track.structures.skeleton import SKELETONS, Skeleton

logger = logging.getLogger(__name__)

HEADER_KEYS = ("version", "source", "fps", "width", "height", "skeleton", "joint_names", "settings", "weights")
FRAME_KEYS = {"frame", "pts_seconds", "people"}
PERSON_KEYS = {"track_id", "box", "score", "source", "joints"}


@dataclass(frozen=True)
class Fault:
    """Why the run ended early. after_frame: index of the last frame in the file, None where there is none."""

    message: str
    after_frame: int | None


class TracksWriter:
    """Writes `tracks.jsonl`, each line as soon as it is there, so that a killed run leaves whole lines behind.

    A context manager. header: all of HEADER_KEYS, more if wanted. Raises ValueError for a header without one of them
    or with joint names that are not the skeleton's.

        with TracksWriter(path, header) as writer:
            for tracked in results:
                writer.write(tracked)
    """

    def __init__(self, path: str | Path, header: Mapping[str, Any]) -> None:
        self._skeleton = _header_skeleton(header)
        self._last_frame: int | None = None
        self._faulty = False
        line = _line({"type": "header", **header} | {"type": "header"})
        self._file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115 (closed by close())
        self._put(line)

    def __enter__(self) -> TracksWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def write(self, tracked: TrackedPoses) -> None:
        """Append the record of one frame. Raises ValueError when the frame index does not rise, the skeleton is not
        the header's, a number is not finite, or the file has a fault or is closed."""
        if self._faulty:
            raise ValueError("a fault ends the file: no frame can follow it")
        if tracked.poses.skeleton != self._skeleton:
            raise ValueError(
                f"poses must have the skeleton {self._skeleton.name!r}, got {tracked.poses.skeleton.name!r}"
            )
        if self._last_frame is not None and tracked.frame_index <= self._last_frame:
            raise ValueError(f"frame index must rise: got {tracked.frame_index} after {self._last_frame}")
        self._put(_line(_frame_record(tracked)))
        self._last_frame = tracked.frame_index

    def fault(self, message: str) -> None:
        """Append the last line: why no frame follows."""
        self._put(_line({"type": "fault", "message": message, "after_frame": self._last_frame}))
        self._faulty = True

    def _put(self, line: str) -> None:
        self._file.write(line)
        self._file.flush()


class TrackRecords:
    """The frames of a `tracks.jsonl`, read from the file as they are asked for, anew for each iteration.

    Iterating yields TrackedPoses by rising frame index. `fault` is the file's Fault once an iteration has come to the
    end, None where it has none.
    """

    def __init__(self, path: Path, skeleton: Skeleton, allow_cut_end: bool) -> None:
        self.skeleton = skeleton
        self.fault: Fault | None = None
        self._path = path
        self._allow_cut_end = allow_cut_end

    def __iter__(self) -> Iterator[TrackedPoses]:
        last_frame: int | None = None
        for number, record in self._records():
            where = f"{self._path}, line {number}"
            if self.fault is not None:
                raise ValueError(f"{where}: nothing may follow the fault")
            if record.get("type") == "fault":
                self.fault = _read_fault(record, where)
                continue
            tracked = _read_frame(record, self.skeleton, where)
            if last_frame is not None and tracked.frame_index <= last_frame:
                raise ValueError(f"{where}: frame index must rise, got {tracked.frame_index} after {last_frame}")
            last_frame = tracked.frame_index
            yield tracked

    def _records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Line numbers, from 1, and parsed lines after the header."""
        self.fault = None
        with self._path.open(encoding="utf-8") as file:
            next(file)
            for number, line in enumerate(file, start=2):
                try:
                    record = _parsed(line, f"{self._path}, line {number}")
                except ValueError:
                    if not self._allow_cut_end or line.endswith("\n"):
                        raise
                    logger.warning("%s, line %d is cut off and left out", self._path, number)
                    return
                yield number, record


def read_tracks(path: str | Path, allow_cut_end: bool = False) -> tuple[dict[str, Any], TrackRecords]:
    """The header, and the frames to iterate over; nothing but the header is read before that.

    With `allow_cut_end` a last line without an end, as a killed run may leave it, is left out with a warning. Raises
    ValueError, with the line number, for a file that is not as the module says; for the frames it does so when the
    iteration gets there.

        header, frames = read_tracks("tracks.jsonl")
        for tracked in frames:
            ...
    """
    path = Path(path)
    with path.open(encoding="utf-8") as file:
        first = file.readline()
    where = f"{path}, line 1"
    header = _parsed(first, where)
    if header.pop("type", None) != "header":
        raise ValueError(f"{where}: must be the header, with type 'header'")
    try:
        skeleton = _header_skeleton(header)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    return header, TrackRecords(path, skeleton, allow_cut_end)


def _header_skeleton(header: Mapping[str, Any]) -> Skeleton:
    """The skeleton a header names. Raises ValueError where a key is missing or the joints are not that skeleton's."""
    missing = [key for key in HEADER_KEYS if key not in header]
    if missing:
        raise ValueError(f"the header lacks {', '.join(missing)}")
    skeleton = Skeleton(header["skeleton"], tuple(header["joint_names"]))
    if SKELETONS.get(skeleton.name, skeleton) != skeleton:
        raise ValueError(f"joint_names are not those of {skeleton.name!r}: {list(skeleton.joint_names)}")
    return skeleton


def _line(record: Mapping[str, Any]) -> str:
    """One line of JSON. Raises ValueError for a number JSON has no way to write."""
    return json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n"


def rounded(values: Array, decimals: int) -> Any:
    """`values` as nested lists of numbers with so many decimals; there is no -0.0 among them.

    >>> rounded(np.array([[1.23456, -0.0001]]), 2)
    [[1.23, 0.0]]
    """
    return (np.round(values.astype(np.float64), decimals) + 0.0).tolist()


def _frame_record(tracked: TrackedPoses) -> dict[str, Any]:
    poses = tracked.poses
    assert poses.sources is not None
    columns = zip(
        tracked.track_ids.tolist(),
        rounded(poses.boxes, 2),
        rounded(poses.scores, 4),
        poses.sources.tolist(),
        rounded(poses.joints, 2),
        rounded(poses.joint_scores, 4),
        strict=True,
    )
    people = [
        {
            "track_id": track_id,
            "box": box,
            "score": score,
            "source": source,
            "joints": [[*xy, s] for xy, s in zip(joints, joint_scores, strict=True)],
        }
        for track_id, box, score, source, joints, joint_scores in columns
    ]
    return {"frame": tracked.frame_index, "pts_seconds": round(float(tracked.pts_seconds), 6), "people": people}


def _parsed(line: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line, parse_constant=_no_constant)
    except ValueError as error:
        raise ValueError(f"{where}: not a whole JSON record ({error})") from error
    if not isinstance(record, dict):
        raise ValueError(f"{where}: must be a JSON object, got {line[:40]!r}")
    return record


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number JSON knows")


def _read_fault(record: dict[str, Any], where: str) -> Fault:
    if record.keys() != {"type", "message", "after_frame"}:
        raise ValueError(f"{where}: a fault has a message and after_frame, got {sorted(record)}")
    return Fault(record["message"], record["after_frame"])


def _read_frame(record: dict[str, Any], skeleton: Skeleton, where: str) -> TrackedPoses:
    if record.keys() != FRAME_KEYS:
        raise ValueError(f"{where}: a frame must have {sorted(FRAME_KEYS)}, got {sorted(record)}")
    try:
        index = _whole(record["frame"], "frame", 0)
        poses, track_ids = _read_people(record["people"], skeleton)
        return TrackedPoses(index, float(record["pts_seconds"]), poses, track_ids)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from error


def _whole(value: object, name: str, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
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
    return poses, np.array([_whole(person["track_id"], "track_id", 1) for person in people], np.int64)


logger = logging.getLogger(__name__)


class TracksSource:
    """A FrameSource over a `tracks.jsonl`, read as it goes, anew for each iteration.

    name: the stem of the video; more: the file's header, with `fps`, `width`, `height` and so on; a person's `more`
    tells the `source` of the box. A joint with score 0 is not there. Indices are those of the video's frames. With
    allow_cut_end a last line without an end is left out. That the file ends early is warned of once, when an iteration
    gets there. Raises ValueError, with the line, as `read_tracks` does.
    """

    def __init__(self, path: str | Path, allow_cut_end: bool = False) -> None:
        self._path = path
        self._header, self._records = read_tracks(path, allow_cut_end)
        self._warned = False

    @property
    def name(self) -> str:
        return Path(str(self._header["source"])).stem

    @property
    def skeleton(self) -> Skeleton:
        return self._records.skeleton

    @property
    def more(self) -> Mapping[str, Any]:
        return self._header

    @property
    def fps(self) -> float:
        """Frames per second of the video."""
        return float(self._header["fps"])

    @property
    def fault(self) -> Fault | None:
        """Why the file ends early, once an iteration has come to its end."""
        return self._records.fault

    def __iter__(self) -> Iterator[tuple[FrameInfo, People]]:
        for tracked in self._records:
            yield FrameInfo(tracked.frame_index, pts_seconds=tracked.pts_seconds), _with_sources(tracked)
        if self.fault is not None and not self._warned:
            self._warned = True
            logger.warning("%s ends early, after frame %s: %s", self._path, self.fault.after_frame, self.fault.message)


def people_as_told(tracked: TrackedPoses) -> People:
    """The people of a frame, to the digits that a `tracks.jsonl` tells; a joint with score 0 is not there."""
    poses = tracked.poses
    joint_scores = _as_told(poses.joint_scores, 4)
    absent = joint_scores == 0
    return People.of(
        np.where(absent[..., None], np.nan, _as_told(poses.joints, 2)),
        np.where(absent, np.nan, joint_scores),
        scores=_as_told(poses.scores, 4),
        boxes=_as_told(poses.boxes, 2),
        track_ids=tracked.track_ids,
    )


def _with_sources(tracked: TrackedPoses) -> People:
    assert tracked.poses.sources is not None
    more = np.fromiter([{"source": source} for source in tracked.poses.sources.tolist()], object, len(tracked))
    return replace(people_as_told(tracked), more=more)


def _as_told(values: Array, decimals: int) -> FloatArray:
    """The numbers of the file again, which have so many decimals, from those in single precision."""
    return np.asarray(np.round(values.astype(np.float64), decimals) + 0.0)
