"""Axis-aligned boxes, x1 y1 x2 y2 in pixels: areas, IoU, non-maximum suppression and conversions.

The width of a box is x2 - x1, without "+ 1". A box is empty, with area 0, unless x2 > x1 and y2 > y1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose_track.structures.arrays import BoolArray, Float64Array, IntArray


def box_areas(boxes: ArrayLike) -> Float64Array:
    """(N,) areas in square pixels of (N, 4) boxes x1 y1 x2 y2; 0 for an empty box.

    >>> box_areas([[0, 0, 4, 3], [5, 5, 5, 9], [5, 5, 3, 3]]).tolist()
    [12.0, 0.0, 0.0]
    """
    boxes = _as_boxes(boxes)
    width, height = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).T
    return np.asarray(width * height)


def box_centers(boxes: ArrayLike) -> Float64Array:
    """(N, 2) centres x y of (N, 4) boxes x1 y1 x2 y2.

    >>> box_centers([[0, 0, 4, 3]]).tolist()
    [[2.0, 1.5]]
    """
    boxes = _as_boxes(boxes)
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2)


def head_sizes(boxes: ArrayLike) -> Float64Array:
    """(N,) head sizes in pixels for PCKh and PoseTrack: 0.6 of the diagonals of (N, 4) head boxes x1 y1 x2 y2.

    The factor is that of the published evaluations of both. A box with a NaN has size NaN.

    >>> head_sizes([[10, 10, 40, 50]]).tolist()
    [30.0]
    """
    boxes = _as_boxes(boxes)
    return np.asarray(0.6 * np.hypot(*(boxes[:, 2:] - boxes[:, :2]).T))


def iou_matrix(a: ArrayLike, b: ArrayLike) -> Float64Array:
    """(N, M) intersection over union of boxes (N, 4) and (M, 4), x1 y1 x2 y2; 0 if both are empty.

    >>> iou_matrix([[0, 0, 2, 2]], [[0, 0, 2, 2], [1, 0, 3, 2], [2, 0, 4, 2]]).round(3).tolist()
    [[1.0, 0.333, 0.0]]
    """
    a, b = _as_boxes(a), _as_boxes(b)
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    extent = np.maximum(bottom_right - top_left, 0)  # (N, M, 2)
    intersection = extent[..., 0] * extent[..., 1]
    union = box_areas(a)[:, None] + box_areas(b)[None] - intersection
    return np.asarray(np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0))


def paired_iou(a: ArrayLike, b: ArrayLike) -> Float64Array:
    """(N,) intersection over union of each box of `a` with the one of `b` in its row, both (N, 4) x1 y1 x2 y2.

    >>> paired_iou([[0, 0, 2, 2], [0, 0, 1, 1]], [[1, 0, 3, 2], [5, 5, 6, 6]]).round(3).tolist()
    [0.333, 0.0]
    """
    a, b = _as_boxes(a), _as_boxes(b)
    extent = np.maximum(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0)  # (N, 2)
    intersection = extent[:, 0] * extent[:, 1]
    union = box_areas(a) + box_areas(b) - intersection
    return np.asarray(np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0))


def suppress(similarity: NDArray[np.floating], scores: ArrayLike, max_similarity: float) -> IntArray:
    """Greedy non-maximum suppression: keep the best entry, drop those too similar to it, and repeat with the rest.

    Returns the kept indices by falling score; of equal scores the earlier entry comes first.

    similarity: (N, N); row i is the similarity of the others to i.
    scores: (N,).
    max_similarity: an entry with a higher similarity to a kept one is dropped.

    >>> suppress(np.array([[1, .8, 0], [.8, 1, 0], [0, 0, 1]]), [.5, .9, .7], max_similarity=.5).tolist()
    [1, 2]
    """
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    kept: list[np.int64] = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(best)
        order = rest[similarity[best, rest] <= max_similarity]
    return np.array(kept, np.int64)


def nms(boxes: ArrayLike, scores: ArrayLike, max_iou: float) -> IntArray:
    """Non-maximum suppression of (N, 4) boxes x1 y1 x2 y2 with (N,) scores.

    Of two boxes with an IoU above `max_iou` the better one is kept. Returns the kept indices by falling score.

    >>> nms([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]], [.8, .9, .3], max_iou=.5).tolist()
    [1, 2]
    """
    return suppress(iou_matrix(boxes, boxes), scores, max_iou)


def clip_boxes(boxes: ArrayLike, image_size: tuple[int, int]) -> Float64Array:
    """(N, 4) boxes x1 y1 x2 y2 clipped to an image of `image_size` (w, h).

    The limits are the centres of its outermost pixels, [0, w - 1] and [0, h - 1]. A box outside becomes empty.

    >>> clip_boxes([[-5, 2, 50, 9]], (40, 30)).tolist()
    [[0.0, 2.0, 39.0, 9.0]]
    """
    w, h = image_size
    return np.clip(_as_boxes(boxes), 0, (w - 1, h - 1, w - 1, h - 1))


def nonempty(boxes: ArrayLike) -> BoolArray:
    """(N,) which of the (N, 4) boxes x1 y1 x2 y2 are finite and not empty.

    >>> nonempty([[0, 0, 4, 3], [5, 5, 5, 9], [0, 0, float("nan"), 1]]).tolist()
    [True, False, False]
    """
    boxes = _as_boxes(boxes)
    return np.asarray(np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1))


def joints_to_boxes(joints: ArrayLike, joint_scores: ArrayLike, min_score: float, grow: float = 0.15) -> Float64Array:
    """(N, 4) boxes x1 y1 x2 y2 around the joints of N people.

    A person without joints gets the empty box (0, 0, 0, 0), and one with a single joint an empty box at that joint.

    joints: (N, K, 2) x y in pixels.
    joint_scores: (N, K).
    min_score: only joints with a higher score count.
    grow: by what share of the joints' extent the box is wider and higher, about the same centre. The default, 15 %, is
        that of Xiao et al., "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018, section 4.2.

    >>> joints_to_boxes([[[0, 0], [100, 200], [900, 900]]], [[.9, .8, .1]], min_score=.2).tolist()
    [[-7.5, -15.0, 107.5, 215.0]]
    """
    joints = np.asarray(joints, np.float64)
    scores = np.asarray(joint_scores, np.float64)
    counts = scores[..., None] > min_score
    low = np.where(counts, joints, np.inf).min(axis=1, initial=np.inf)  # (N, K, 2) -> (N, 2)
    high = np.where(counts, joints, -np.inf).max(axis=1, initial=-np.inf)
    has_joint = np.any(counts, axis=1)  # (N, 1)
    low, high = np.where(has_joint, low, 0), np.where(has_joint, high, 0)
    margin = (high - low) * grow / 2
    return np.concatenate([low - margin, high + margin], axis=1)


def xywh_to_xyxy(boxes: ArrayLike) -> Float64Array:
    """(N, 4) boxes left, top, width, height (as in COCO files) as x1 y1 x2 y2.

    >>> xywh_to_xyxy([[10, 20, 30, 40]]).tolist()
    [[10.0, 20.0, 40.0, 60.0]]
    """
    boxes = _as_boxes(boxes)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def xyxy_to_xywh(boxes: ArrayLike) -> Float64Array:
    """(N, 4) boxes x1 y1 x2 y2 as left, top, width, height (as in COCO files).

    >>> xyxy_to_xywh([[10, 20, 40, 60]]).tolist()
    [[10.0, 20.0, 30.0, 40.0]]
    """
    boxes = _as_boxes(boxes)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def _as_boxes(boxes: ArrayLike) -> Float64Array:
    """(N, 4) float64 boxes; an empty list gives (0, 4). Raises ValueError for another shape."""
    array = np.asarray(boxes, np.float64)
    if array.size == 0:
        return array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"boxes must have shape (N, 4), got {array.shape}")
    return array
