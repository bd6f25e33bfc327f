"""The annotations of PoseTrack18's layout as People: in whole columns where nothing is at fault, else one by one."""

from __future__ import annotations

import math
import reprlib
from collections import Counter
from collections.abc import Collection
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pose_track.formats.problems import Problems
from pose_track.formats.validate import attempt, finite, whole
from pose_track.formats.xywh import to_corners
from pose_track.structures.sequence import NOTHING, FloatArray, FrameInfo, IntArray, People
from pose_track.structures.skeleton import POSETRACK18_17

Note = dict[str, Any]

_K = POSETRACK18_17.num_joints

# what the fields tell in full; boxes they tell by corners, which need not give width and height to the last digit
_TOLD = {"keypoints", "scores", "score", "track_id", "image_id"}


class FileJoints(NamedTuple):
    """A file's joints. num: how many; to: places in POSETRACK18_17 of those it knows; of: their places in the file's
    lists."""

    num: int
    to: list[int]
    of: list[int]


class PeopleReader:
    """Reads annotations of a file with these frames and joints."""

    def __init__(self, path: Path, frames: list[FrameInfo], joints: FileJoints, problems: Problems) -> None:
        self._path, self._frames, self._joints, self._complaints = path, frames, joints, problems
        self._place_of: dict[int, int] = {}
        for place, frame in enumerate(frames):
            self._add_place(place, frame)

    def _add_place(self, place: int, frame: FrameInfo) -> None:
        if frame.image_id is None:
            return
        first = self._place_of.setdefault(frame.image_id, place)
        if first != place:
            self._complaints.add(f"{self._path}, {self._frame(place)} has the id of frame {first}, {frame.image_id}")

    def read(self, notes: list[Note]) -> tuple[People, IntArray]:
        """The people without fault, in the order of the frames and, within one, of the file, and each one's frame."""
        try:
            people, frame_of = self._columns(notes)
        except (ValueError, OverflowError):  # look for what it is
            notes = self._without_faults(notes)
            people, frame_of = self._columns(notes)
        if (np.diff(frame_of) >= 0).all():
            return people, frame_of
        order = np.argsort(frame_of, kind="stable")
        return people[order], frame_of[order]

    def _columns(self, notes: list[Note]) -> tuple[People, IntArray]:
        """Raises ValueError or OverflowError where a value is not of its type."""
        places = [self._place(note) for note in notes]
        if None in places:
            raise ValueError("an image id is not in the file")
        track_ids = [note.get("track_id", -1) for note in notes]
        _check_types(track_ids, {int})
        joints, flags, joint_scores = self._joint_columns(notes)
        has_scores = np.any(~np.isnan(joint_scores), axis=1).tolist()
        mores = [_more(note, told) for note, told in zip(notes, has_scores, strict=True)]
        people = People.of(
            joints,
            joint_scores,
            flags,
            scores=_matrix([[note.get("score")] for note in notes], 1)[:, 0],
            boxes=to_corners(_matrix([note.get("bbox") for note in notes], 4)),
            head_boxes=to_corners(_matrix([note.get("bbox_head") for note in notes], 4)),
            track_ids=np.array(track_ids, np.int64),
            more=np.fromiter(mores, object, len(mores)),
        )
        return people, np.array(places, np.int64)

    def _place(self, note: Note) -> int | None:
        image_id = note.get("image_id")
        return self._place_of.get(image_id) if isinstance(image_id, int) else None

    def _joint_columns(self, notes: list[Note]) -> tuple[FloatArray, NDArray[np.int8], FloatArray]:
        """(N, K, 2) positions, (N, K) flags and (N, K) scores.

        A joint is not there where x, y and flag are 0, as in poseval; it may still have a score. A flag that is no
        whole number, as where a score is written in its place, tells nothing.
        """
        count, to, of = self._joints
        triples = np.nan_to_num(_matrix([note.get("keypoints") for note in notes], 3 * count)).reshape(-1, count, 3)
        grid = np.zeros((len(notes), _K, 3))
        grid[:, to] = triples[:, of]
        scores = np.full((len(notes), _K), np.nan)
        scores[:, to] = _matrix([note.get("scores") for note in notes], count)[:, of]
        absent = (grid == 0).all(axis=-1)
        flag = grid[..., 2]
        told = ~absent & (flag == np.floor(flag)) & (flag >= 0) & (flag <= 127)
        joints = np.where(absent[..., None], np.nan, grid[..., :2])
        return joints, np.where(told, flag, -1).astype(np.int8), np.where(absent & (scores == 0), np.nan, scores)

    def _without_faults(self, notes: list[Note]) -> list[Note]:
        """The notes that can be read, as they would be without what is at fault in them."""
        kept, num_people = [], Counter[int]()
        for note in notes:
            name, place = f"annotation {note.get('id', 'without id')}", self._place(note)
            if place is None:
                what = f"is of image {reprlib.repr(note.get('image_id'))}, which the file does not list"
                self._complaints.add(f"{self._path}, {name}: {what}")
                continue
            where = f"{self._path}, {self._frame(place)}, person {num_people[place]} ({name})"
            num_people[place] += 1
            clean = attempt(_clean, note, self._joints.num, where=where, problems=self._complaints)
            if clean is not None:
                clean |= self._clean_joints(clean, where)
                kept.append({key: clean[key] for key in note})
        return kept

    def _clean_joints(self, note: Note, where: str) -> Note:
        """The keypoints and scores of a person without joints at fault."""
        triples, scores = list(note.get("keypoints") or []), list(note.get("scores") or [])
        for k in range(len(triples) // 3):
            numbers = [*triples[3 * k : 3 * k + 3], *scores[k : k + 1]]
            if attempt(_check_joint, numbers, where=f"{where}, joint {k}", problems=self._complaints) is None:
                triples[3 * k : 3 * k + 3] = [0, 0, 0]
                scores[k : k + 1] = [0 for _ in scores[k : k + 1]]
        return {"keypoints": triples, "scores": scores}

    def _frame(self, place: int) -> str:
        name = self._frames[place].image_name
        return f"frame {place} ({name})" if name else f"frame {place}"


def _clean(note: Note, num_joints: int) -> Note:
    """The note with its own numbers as such, those of its joints as they are. Raises ValueError for what is not."""
    for key, count in (("bbox", 4), ("bbox_head", 4), ("scores", num_joints), ("keypoints", 3 * num_joints)):
        values = note.get(key) or []
        if not isinstance(values, list) or len(values) not in (0, count):
            raise ValueError(f"{key} must be {count} numbers, got {reprlib.repr(values)}")
        if count == 4:
            note = note | {key: [finite(value, key) for value in values]}
    track_id, score = note.get("track_id"), note.get("score")
    told = {
        "track_id": -1 if track_id is None else whole(track_id, "track_id", -1),
        "score": None if score is None else finite(score, "score"),
    }
    return note | told


def _check_joint(numbers: list[Any]) -> bool:
    for value, name in zip(numbers, ("x", "y", "visibility", "score"), strict=False):
        finite(value, name)
    return True


def _check_types(values: Collection[Any], types: set[type]) -> None:
    if not set(map(type, values)) <= types:
        raise ValueError("a value is of another type")


def _matrix(rows: list[Any], width: int) -> FloatArray:
    """(N, width) finite numbers, NaN in the rows that are None, [] or [None]. Raises ValueError or OverflowError."""
    told = [bool(row) and row != [None] for row in rows]
    lists = [row for row, is_told in zip(rows, told, strict=True) if is_told]
    _check_types(lists, {list})
    if not set(map(len, lists)) <= {width}:
        raise ValueError(f"a list is not of {width}")
    values = list(chain.from_iterable(lists))
    _check_types(values, {int, float})
    numbers = np.fromiter(values, np.float64, len(values))
    if not np.isfinite(numbers).all():
        raise ValueError("a number is not finite")
    matrix = np.full((len(rows), width), math.nan)
    matrix[told] = numbers.reshape(-1, width)
    return matrix


def _more(note: Note, has_scores: bool) -> Any:
    """What the fields do not tell, or not as the file does."""
    more = {
        key: value
        for key, value in note.items()
        if key not in _TOLD or value in ([], None) or (key == "scores" and not has_scores)
    }
    return more or NOTHING
