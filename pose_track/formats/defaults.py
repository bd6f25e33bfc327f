"""Default values for formats that cannot express absent joints and missing values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose_track.formats.xywh import xywh_to_xyxy, xyxy_to_xywh
from pose_track.structures.arrays import Float64Array
from pose_track.structures.sequence import PoseAnnotations


def keypoint_triples(people: PoseAnnotations) -> Float64Array:
    """(N, K, 3) x y score; 0 0 0 for an absent joint, and score 1 where it is missing, as in ground truth.

    >>> people = PoseAnnotations.from_joints(np.array([[[3.0, 4], [np.nan, np.nan]]]), np.array([[0.5, 0.2]]))
    >>> keypoint_triples(people).tolist()
    [[[3.0, 4.0, 0.5], [0.0, 0.0, 0.0]]]
    """
    scores = np.where(np.isnan(people.joint_scores), 1, people.joint_scores)
    triples = np.concatenate([people.joints, scores[..., None]], axis=-1)
    return np.where(people.has_joint[..., None], triples, 0)


def flat_keypoints(people: PoseAnnotations) -> list[list[float]]:
    """The same, flat for each person: x y score x y score ..."""
    triples = keypoint_triples(people)  # (N, K, 3)
    rows: list[list[float]] = triples.reshape(len(people), triples.shape[1] * 3).tolist()
    return rows


def person_scores(people: PoseAnnotations) -> Float64Array:
    """(N,) person scores; where missing, the mean of the joint scores, and 1 without any.

    >>> people = PoseAnnotations.from_joints(np.zeros((3, 2, 2)), np.array([[0.5, 0.2], [0.5, 0.7], [np.nan, np.nan]]))
    >>> people.scores[0] = 0.9
    >>> person_scores(people).tolist()
    [0.9, 0.6, 1.0]
    """
    has_score = people.has_joint & ~np.isnan(people.joint_scores)
    total, count = np.where(has_score, people.joint_scores, 0).sum(axis=1), has_score.sum(axis=1)
    mean = np.divide(total, count, out=np.ones(len(people)), where=count > 0)
    return np.where(np.isnan(people.scores), mean, people.scores)


def has_boxes(people: PoseAnnotations) -> NDArray[np.bool_]:
    """(N,) which people have a box."""
    return np.asarray(~np.isnan(people.boxes).any(axis=1))


def person_boxes(people: PoseAnnotations) -> Float64Array:
    """(N, 4) boxes x1 y1 x2 y2; where missing, the extent of the joints, and NaN without joints.

    >>> person_boxes(PoseAnnotations.from_joints(np.array([[[3.0, 4], [1, 9], [np.nan, np.nan]]]))).tolist()
    [[1.0, 4.0, 3.0, 9.0]]
    """
    present = people.has_joint[..., None]
    low = np.where(present, people.joints, np.inf).min(axis=1, initial=np.inf)
    high = np.where(present, people.joints, -np.inf).max(axis=1, initial=-np.inf)
    extent = np.where(present.any(axis=1), np.concatenate([low, high], axis=1), np.nan)
    return np.where(has_boxes(people)[:, None], people.boxes, extent)


def person_xywh(people: PoseAnnotations) -> list[list[float]]:
    """The same as x y width height. A box that was not changed since it was read from a file has the file's numbers,
    which `extra` keeps as "bbox"."""
    boxes = person_boxes(people)
    read = np.array([_four_numbers(extra.get("bbox")) for extra in people.extra.tolist()]).reshape(-1, 4)
    unchanged = (xywh_to_xyxy(read) == boxes).all(axis=1, keepdims=True)
    xywh: list[list[float]] = np.where(unchanged, read, xyxy_to_xywh(boxes)).tolist()
    return xywh


def _four_numbers(value: Any) -> list[float]:
    """The value if it is four numbers, else NaN: a file may have anything under this key."""
    is_four = isinstance(value, list | tuple) and len(value) == 4
    numbers = [v for v in value if isinstance(v, int | float) and abs(v) < 1e15] if is_four else []
    return numbers if len(numbers) == 4 else [np.nan] * 4
