"""Axis-aligned boxes, x1 y1 x2 y2 in pixels: areas, overlaps, suppression and conversions.

A box spans from x1 to x2 without a "+ 1": its width is x2 - x1. A box whose right edge does not lie to the right of
its left edge, or whose lower edge does not lie below its upper edge, is empty and has no area.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


def box_areas(boxes: ArrayLike) -> Array:
    """(N,) areas in square pixels of (N, 4) boxes x1 y1 x2 y2; 0 for an empty box.

    >>> box_areas([[0, 0, 4, 3], [5, 5, 5, 9], [5, 5, 3, 3]]).tolist()
    [12.0, 0.0, 0.0]
    """
    boxes = _as_boxes(boxes)
    width, height = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).T
    return np.asarray(width * height)


def box_centers(boxes: ArrayLike) -> Array:
    """(N, 2) centres x y of (N, 4) boxes x1 y1 x2 y2.

    >>> box_centers([[0, 0, 4, 3]]).tolist()
    [[2.0, 1.5]]
    """
    boxes = _as_boxes(boxes)
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2)


def head_sizes(boxes: ArrayLike) -> Array:
    """(N,) the lengths in pixels that PCKh and PoseTrack measure by: 0.6 of the diagonals of (N, 4) head boxes x1 y1
    x2 y2 (as in the published evaluations of both); NaN where a box has one.

    >>> head_sizes([[10, 10, 40, 50]]).tolist()
    [30.0]
    """
    boxes = _as_boxes(boxes)
    return np.asarray(0.6 * np.hypot(*(boxes[:, 2:] - boxes[:, :2]).T))


def iou_matrix(a: ArrayLike, b: ArrayLike) -> Array:
    """(N, M) intersection over union of boxes (N, 4) and (M, 4), x1 y1 x2 y2; 0 where both are empty.

    >>> iou_matrix([[0, 0, 2, 2]], [[0, 0, 2, 2], [1, 0, 3, 2], [2, 0, 4, 2]]).round(3).tolist()
    [[1.0, 0.333, 0.0]]
    """
    a, b = _as_boxes(a), _as_boxes(b)
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    extent = np.maximum(bottom_right - top_left, 0)  # (N, M, 2)
    common = extent[..., 0] * extent[..., 1]
    union = box_areas(a)[:, None] + box_areas(b)[None] - common
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=union > 0))


def suppress(similarity: NDArray[np.floating], scores: ArrayLike, max_similarity: float) -> Indices:
    """Greedy suppression of doubles: the best one is kept, all too similar to it go, and so on with the rest.

    similarity: (N, N), row i how similar the others are to i; scores: (N,). An entry goes where its similarity to a
    kept one is above `max_similarity`. Returns the kept indices in falling score order; of equal scores the earlier
    entry comes first.

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


def nms(boxes: ArrayLike, scores: ArrayLike, max_iou: float) -> Indices:
    """Non-maximum suppression of (N, 4) boxes with (N,) scores: of two boxes that overlap more than `max_iou`, the
    better one stays. Returns the kept indices in falling score order.

    >>> nms([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]], [.8, .9, .3], max_iou=.5).tolist()
    [1, 2]
    """
    return suppress(iou_matrix(boxes, boxes), scores, max_iou)


def clip_boxes(boxes: ArrayLike, image_size: tuple[int, int]) -> Array:
    """(N, 4) boxes x1 y1 x2 y2 moved into a picture of `image_size` (w, h): between the centres of its outermost
    pixels, [0, w - 1] and [0, h - 1]. A box wholly outside becomes empty.

    >>> clip_boxes([[-5, 2, 50, 9]], (40, 30)).tolist()
    [[0.0, 2.0, 39.0, 9.0]]
    """
    w, h = image_size
    return np.clip(_as_boxes(boxes), 0, (w - 1, h - 1, w - 1, h - 1))


def nonempty(boxes: ArrayLike) -> NDArray[np.bool_]:
    """(N,) which of the boxes x1 y1 x2 y2 are finite and have a width and a height.

    >>> nonempty([[0, 0, 4, 3], [5, 5, 5, 9], [0, 0, float("nan"), 1]]).tolist()
    [True, False, False]
    """
    boxes = _as_boxes(boxes)
    return np.asarray(np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1))


def joints_to_boxes(joints: ArrayLike, joint_scores: ArrayLike, min_score: float, grow: float = 0.15) -> Array:
    """(N, 4) boxes x1 y1 x2 y2 around the joints of N people, a share of `grow` wider and higher than their extent.

    joints: (N, K, 2) x y in pixels; joint_scores: (N, K). Only joints scored above `min_score` count; a person
    without any gets the empty box (0, 0, 0, 0), and one with a single joint an empty box at that joint. The growth
    by 15 % in length about the same centre is that of Xiao et al., "Simple Baselines for Human Pose Estimation and
    Tracking", ECCV 2018, section 4.2.

    >>> joints_to_boxes([[[0, 0], [100, 200], [900, 900]]], [[.9, .8, .1]], min_score=.2).tolist()
    [[-7.5, -15.0, 107.5, 215.0]]
    """
    joints = np.asarray(joints, np.float64)
    scores = np.asarray(joint_scores, np.float64)
    shown = scores[..., None] > min_score
    low = np.where(shown, joints, np.inf).min(axis=1, initial=np.inf)  # (N, K, 2) -> (N, 2)
    high = np.where(shown, joints, -np.inf).max(axis=1, initial=-np.inf)
    anyone = np.any(shown, axis=1)  # (N, 1)
    low, high = np.where(anyone, low, 0), np.where(anyone, high, 0)
    margin = (high - low) * grow / 2
    return np.concatenate([low - margin, high + margin], axis=1)


def xywh_to_xyxy(boxes: ArrayLike) -> Array:
    """(N, 4) boxes left, top, width, height (as in COCO files) as x1 y1 x2 y2.

    >>> xywh_to_xyxy([[10, 20, 30, 40]]).tolist()
    [[10.0, 20.0, 40.0, 60.0]]
    """
    boxes = _as_boxes(boxes)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def xyxy_to_xywh(boxes: ArrayLike) -> Array:
    """(N, 4) boxes x1 y1 x2 y2 as left, top, width, height (as in COCO files).

    >>> xyxy_to_xywh([[10, 20, 40, 60]]).tolist()
    [[10.0, 20.0, 30.0, 40.0]]
    """
    boxes = _as_boxes(boxes)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def _as_boxes(boxes: ArrayLike) -> Array:
    """`boxes` as (N, 4) float64; an empty list has no boxes. Raises ValueError on another shape."""
    array = np.asarray(boxes, np.float64)
    if array.size == 0:
        return array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"boxes must have shape (N, 4), got {array.shape}")
    return array
