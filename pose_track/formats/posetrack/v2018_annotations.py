"""The annotations of PoseTrack18's layout as PoseAnnotations: column by column, and one by one after an error."""

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

from pose_track.formats.coco_entries import flat_list
from pose_track.formats.problems import Problems
from pose_track.formats.validate import MAX_NUMBER, finite_number, integer, try_read
from pose_track.formats.xywh import xywh_to_xyxy
from pose_track.structures.arrays import Float64Array, IntArray
from pose_track.structures.sequence import NO_EXTRA, FrameInfo, PoseAnnotations
from pose_track.structures.skeleton import POSETRACK18_17

JsonObject = dict[str, Any]

_NUM_JOINTS = POSETRACK18_17.num_joints

# Keys that PoseAnnotations holds completely. Boxes are not among them: corners may lose the last digit of a size.
_KNOWN_KEYS = {"keypoints", "scores", "score", "track_id", "image_id"}


class FileJoints(NamedTuple):
    """Mapping from the joints of a file to POSETRACK18_17.

    num: number of joints in the file.
    target: indices into POSETRACK18_17 of the joints that both have.
    source: indices of the same joints in the file.
    """

    num: int
    target: list[int]
    source: list[int]


class AnnotationReader:
    """Reads the annotations of a file with the given frames and joints."""

    def __init__(self, path: Path, frames: list[FrameInfo], joints: FileJoints, problems: Problems) -> None:
        self._path, self._frames, self._joints, self._problems = path, frames, joints, problems
        self._frame_of_image: dict[float, int] = {}  # by id, which may be written as 3.0
        for index, frame in enumerate(frames):
            self._add_image_id(index, frame)

    def _add_image_id(self, index: int, frame: FrameInfo) -> None:
        if frame.image_id is None:
            return
        first = self._frame_of_image.setdefault(frame.image_id, index)
        if first != index:
            self._problems.add(f"{self._path}, {self._describe(index)} has the id of frame {first}, {frame.image_id}")

    def read(self, annotations: list[JsonObject]) -> tuple[PoseAnnotations, IntArray]:
        """The valid people, ordered by frame and, within a frame, as in the file; and (N,) their frame indices."""
        try:
            people, frame_indices = self._read_columns(annotations)
        except (ValueError, OverflowError):  # read one by one to name what is invalid
            annotations = self._valid(annotations)
            people, frame_indices = self._read_columns(annotations)
        if (np.diff(frame_indices) >= 0).all():
            return people, frame_indices
        order = np.argsort(frame_indices, kind="stable")
        return people[order], frame_indices[order]

    def _read_columns(self, annotations: list[JsonObject]) -> tuple[PoseAnnotations, IntArray]:
        """Raises ValueError or OverflowError where a value has another type."""
        frame_indices = [self._frame_index(annotation) for annotation in annotations]
        if None in frame_indices:
            raise ValueError("an image id is not in the file")
        track_ids = [annotation.get("track_id", -1) for annotation in annotations]
        _check_types(track_ids, {int})
        joints, flags, joint_scores = self._read_joints(annotations)
        has_scores = np.any(~np.isnan(joint_scores), axis=1).tolist()
        extras = [_extra(annotation, has) for annotation, has in zip(annotations, has_scores, strict=True)]
        people = PoseAnnotations.from_joints(
            joints,
            joint_scores,
            flags,
            scores=_matrix([[annotation.get("score")] for annotation in annotations], 1)[:, 0],
            boxes=xywh_to_xyxy(_matrix([annotation.get("bbox") for annotation in annotations], 4)),
            head_boxes=xywh_to_xyxy(_matrix([annotation.get("bbox_head") for annotation in annotations], 4)),
            track_ids=np.array(track_ids, np.int64),
            extra=np.fromiter(extras, object, len(extras)),
        )
        return people, np.array(frame_indices, np.int64)

    def _frame_index(self, annotation: JsonObject) -> int | None:
        image_id = annotation.get("image_id")
        return self._frame_of_image.get(image_id) if isinstance(image_id, int | float) else None

    def _read_joints(self, annotations: list[JsonObject]) -> tuple[Float64Array, NDArray[np.int8], Float64Array]:
        """(N, K, 2) positions, (N, K) visibility flags and (N, K) scores.

        A joint is absent where x, y and flag are 0, as in poseval; it may still have a score. A flag that is not an
        integer, as where a score stands in its place, counts as missing.
        """
        count, target, source = self._joints
        keypoints = _matrix([annotation.get("keypoints") for annotation in annotations], 3 * count)
        triples = np.nan_to_num(keypoints).reshape(-1, count, 3)
        grid = np.zeros((len(annotations), _NUM_JOINTS, 3))
        grid[:, target] = triples[:, source]
        scores = np.full((len(annotations), _NUM_JOINTS), np.nan)
        scores[:, target] = _matrix([annotation.get("scores") for annotation in annotations], count)[:, source]
        absent = (grid == 0).all(axis=-1)
        flag = grid[..., 2]
        has_flag = ~absent & (flag == np.floor(flag)) & (flag >= 0) & (flag <= 127)
        joints = np.where(absent[..., None], np.nan, grid[..., :2])
        return joints, np.where(has_flag, flag, -1).astype(np.int8), np.where(absent & (scores == 0), np.nan, scores)

    def _valid(self, annotations: list[JsonObject]) -> list[JsonObject]:
        """The valid annotations, without their invalid joints."""
        valid, num_people = [], Counter[int]()
        for annotation in annotations:
            name, index = f"annotation {annotation.get('id', 'without id')}", self._frame_index(annotation)
            if index is None:
                problem = f"is of image {reprlib.repr(annotation.get('image_id'))}, which the file does not list"
                self._problems.add(f"{self._path}, {name}: {problem}")
                continue
            where = f"{self._path}, {self._describe(index)}, person {num_people[index]} ({name})"
            num_people[index] += 1
            numbers = try_read(_read_numbers, annotation, self._joints.num, where=where, problems=self._problems)
            if numbers is not None:
                numbers |= self._valid_joints(numbers, where)
                valid.append({key: numbers[key] for key in annotation})
        return valid

    def _valid_joints(self, annotation: JsonObject, where: str) -> JsonObject:
        """The keypoints and scores of a person; an invalid joint becomes absent."""
        triples, scores = list(annotation.get("keypoints") or []), list(annotation.get("scores") or [])
        for k in range(len(triples) // 3):
            numbers = [*triples[3 * k : 3 * k + 3], *scores[k : k + 1]]
            if try_read(_check_joint, numbers, where=f"{where}, joint {k}", problems=self._problems) is None:
                triples[3 * k : 3 * k + 3] = [0, 0, 0]
                scores[k : k + 1] = [0 for _ in scores[k : k + 1]]
        return {"keypoints": triples, "scores": scores}

    def _describe(self, index: int) -> str:
        name = self._frames[index].image_name
        return f"frame {index} ({name})" if name else f"frame {index}"


def _read_numbers(annotation: JsonObject, num_joints: int) -> JsonObject:
    """The annotation with its boxes, track id and score as numbers; joints are only counted. Raises ValueError for
    another value."""
    for key, count in (("bbox", 4), ("bbox_head", 4), ("scores", num_joints), ("keypoints", 3 * num_joints)):
        values = annotation.get(key) or []
        if key == "keypoints":
            values = flat_list(values)
            annotation = annotation | {key: values}
        if not isinstance(values, list) or len(values) not in (0, count):
            raise ValueError(f"{key} must be {count} numbers, got {reprlib.repr(values)}")
        if count == 4:
            annotation = annotation | {key: [finite_number(value, key) for value in values]}
    track_id, score = annotation.get("track_id"), annotation.get("score")
    return annotation | {
        "track_id": -1 if track_id is None else integer(track_id, "track_id", -1),
        "score": None if score is None else finite_number(score, "score"),
    }


def _check_joint(numbers: list[Any]) -> bool:
    for value, name in zip(numbers, ("x", "y", "visibility", "score"), strict=False):
        finite_number(value, name)
    return True


def _check_types(values: Collection[Any], types: set[type]) -> None:
    if not set(map(type, values)) <= types:
        raise ValueError("a value is of another type")


def _matrix(rows: list[Any], width: int) -> Float64Array:
    """(N, width) finite numbers; NaN in rows that are None, [] or [None]. Raises ValueError or OverflowError."""
    has_values = [bool(row) and row != [None] for row in rows]
    lists = [row for row, has in zip(rows, has_values, strict=True) if has]
    _check_types(lists, {list})
    if not set(map(len, lists)) <= {width}:
        raise ValueError(f"a list does not have {width} values")
    values = list(chain.from_iterable(lists))
    _check_types(values, {int, float})
    numbers = np.fromiter(values, np.float64, len(values))
    if not (np.abs(numbers) <= MAX_NUMBER).all():  # also where one is NaN
        raise ValueError("a number is not finite")
    matrix = np.full((len(rows), width), math.nan)
    matrix[has_values] = numbers.reshape(-1, width)
    return matrix


def _extra(annotation: JsonObject, has_scores: bool) -> Any:
    """The keys that PoseAnnotations does not hold, or whose form in the file the writer would change."""
    extra = {
        key: value
        for key, value in annotation.items()
        if key not in _KNOWN_KEYS or value in ([], None) or (key == "scores" and not has_scores)
    }
    return extra or NO_EXTRA
