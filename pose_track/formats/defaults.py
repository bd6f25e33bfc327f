"""People in plain numbers, for formats that have no word for what is not there or not told."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose_track.formats.xywh import to_corners, to_spans
from pose_track.structures.sequence import FloatArray, People


def keypoint_triples(people: People) -> FloatArray:
    """(N, K, 3) x y score. A joint that is not there is 0 0 0; one whose score is not told has 1, as truth has.

    >>> people = People.of(np.array([[[3.0, 4], [np.nan, np.nan]]]), np.array([[0.5, 0.2]]))
    >>> keypoint_triples(people).tolist()
    [[[3.0, 4.0, 0.5], [0.0, 0.0, 0.0]]]
    """
    scores = np.where(np.isnan(people.joint_scores), 1, people.joint_scores)
    triples = np.concatenate([people.joints, scores[..., None]], axis=-1)
    return np.where(people.has_joint[..., None], triples, 0)


def flat_keypoints(people: People) -> list[list[float]]:
    """The same with the numbers of a person in one row: x y score x y score ..."""
    triples = keypoint_triples(people)  # (N, K, 3)
    rows: list[list[float]] = triples.reshape(len(people), triples.shape[1] * 3).tolist()
    return rows


def person_scores(people: People) -> FloatArray:
    """(N,) the people's scores; where one is not told the mean of the joints', and 1 where those are not told either.

    >>> people = People.of(np.zeros((3, 2, 2)), np.array([[0.5, 0.2], [0.5, 0.7], [np.nan, np.nan]]))
    >>> people.scores[0] = 0.9
    >>> person_scores(people).tolist()
    [0.9, 0.6, 1.0]
    """
    told = people.has_joint & ~np.isnan(people.joint_scores)
    total, count = np.where(told, people.joint_scores, 0).sum(axis=1), told.sum(axis=1)
    mean = np.divide(total, count, out=np.ones(len(people)), where=count > 0)
    return np.where(np.isnan(people.scores), mean, people.scores)


def has_boxes(people: People) -> NDArray[np.bool_]:
    """(N,) whose box is told."""
    return np.asarray(~np.isnan(people.boxes).any(axis=1))


def person_boxes(people: People) -> FloatArray:
    """(N, 4) the people's boxes x1 y1 x2 y2; where one is not told the extent of the joints, NaN without any.

    >>> person_boxes(People.of(np.array([[[3.0, 4], [1, 9], [np.nan, np.nan]]]))).tolist()
    [[1.0, 4.0, 3.0, 9.0]]
    """
    present = people.has_joint[..., None]
    low = np.where(present, people.joints, np.inf).min(axis=1, initial=np.inf)
    high = np.where(present, people.joints, -np.inf).max(axis=1, initial=-np.inf)
    extent = np.where(present.any(axis=1), np.concatenate([low, high], axis=1), np.nan)
    return np.where(has_boxes(people)[:, None], people.boxes, extent)


def person_xywh(people: People) -> list[list[float]]:
    """The same as left, top, width and height; as a file had them where `more` keeps them as "bbox" and they still are
    the box."""
    boxes = person_boxes(people)
    had = np.array([_four_numbers(more.get("bbox")) for more in people.more.tolist()]).reshape(-1, 4)
    same = (to_corners(had) == boxes).all(axis=1, keepdims=True)
    spans: list[list[float]] = np.where(same, had, to_spans(boxes)).tolist()
    return spans


def _four_numbers(value: Any) -> list[float]:
    """The value if it is four numbers, NaN for anything else that a file may have under this name."""
    is_four = isinstance(value, list | tuple) and len(value) == 4
    numbers = [v for v in value if isinstance(v, int | float) and abs(v) < 1e15] if is_four else []
    return numbers if len(numbers) == 4 else [np.nan] * 4
