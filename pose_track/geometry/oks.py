"""Object keypoint similarity (OKS) between poses, and non-maximum suppression by OKS.

OKS is the mean over joints of exp(-d^2 / (2 * area * (2 * sigma)^2)), where d is the distance between the two positions
of a joint in pixels (COCO keypoint evaluation, https://cocodataset.org/#keypoints-eval).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose_track.geometry.boxes import suppress
from pose_track.structures.arrays import Float64Array, IntArray


def oks_matrix(
    joints_a: ArrayLike,
    scores_a: ArrayLike,
    areas_a: ArrayLike,
    joints_b: ArrayLike,
    scores_b: ArrayLike,
    areas_b: ArrayLike,
    sigmas: ArrayLike,
    min_joint_score: float | None = None,
    counted: Literal["both", "second"] = "both",
) -> Float64Array:
    """(N, M) OKS in [0, 1] of N poses and M poses; 0 for a pair without a common joint.

    joints_a, joints_b: (N, K, 2) and (M, K, 2) x y in pixels.
    scores_a, scores_b: (N, K) and (M, K).
    areas_a, areas_b: (N,) and (M,) square pixels; a pair takes the mean of both.
    sigmas: (K,), as in `Skeleton.sigmas`.
    min_joint_score: only joints with a higher score in both poses count; None for all joints.
    counted: "second" checks the scores of the second pose only, as the published code does by mistake; use it to
        reproduce published results.
    """
    a, b = np.asarray(joints_a, np.float64), np.asarray(joints_b, np.float64)
    areas = (np.asarray(areas_a, np.float64)[:, None] + np.asarray(areas_b, np.float64)[None]) / 2
    similarity = _joint_similarity(a[:, None], b[None], areas, sigmas)  # (N, M, K)
    if min_joint_score is None:
        return np.asarray(similarity.mean(axis=-1))
    counts = np.broadcast_to(np.asarray(scores_b)[None] > min_joint_score, similarity.shape)
    if counted == "both":
        counts = counts & (np.asarray(scores_a) > min_joint_score)[:, None]
    return np.asarray((similarity * counts).sum(axis=-1) / np.maximum(counts.sum(axis=-1), 1))


def oks_of_pairs(
    joints_a: NDArray[np.floating],
    scores_a: NDArray[np.floating],
    joints_b: NDArray[np.floating],
    scores_b: NDArray[np.floating],
    areas: NDArray[np.floating],
    sigmas: ArrayLike,
    min_joint_score: float,
) -> Float64Array:
    """(...) OKS in [0, 1] of pairs of poses; NaN for a pair without a common joint. Leading axes are broadcast.

    joints_a, joints_b: (..., K, 2) x y in pixels.
    scores_a, scores_b: (..., K).
    areas: (...) square pixels.
    sigmas: (K,), as in `Skeleton.sigmas`.
    min_joint_score: only joints with a higher score in both poses count.

    >>> a, b = np.zeros((1, 2, 2)), np.array([[[0, 0], [3, 4]]])
    >>> oks_of_pairs(a, np.ones((1, 2)), b, np.ones((1, 2)), np.array([100.]), [.25, .25], .2).round(3).tolist()
    [0.803]
    """
    counts = (scores_a > min_joint_score) & (scores_b > min_joint_score)
    total = np.where(counts, _joint_similarity(joints_a, joints_b, areas, sigmas), 0).sum(axis=-1)
    number = counts.sum(axis=-1)
    return np.asarray(np.divide(total, number, out=np.full(number.shape, np.nan), where=number > 0))


def _joint_similarity(
    a: NDArray[np.floating], b: NDArray[np.floating], areas: NDArray[np.floating], sigmas: ArrayLike
) -> NDArray[np.floating]:
    """(..., K) similarity of each joint, in the precision of the (..., K, 2) joints. areas: (...)."""
    dx, dy = np.moveaxis(a - b, -1, 0)
    squared = dx * dx + dy * dy  # five times as fast as a sum over an axis of two
    variances = (2 * np.asarray(sigmas, np.float64)) ** 2
    scale = 2 * variances * (areas[..., None] + np.spacing(1))
    return np.asarray(np.exp(-squared / scale.astype(squared.dtype)))


def oks_nms(oks: Float64Array, scores: ArrayLike, max_oks: float) -> IntArray:
    """The indices of N people without duplicates, by falling score.

    Of two people with an OKS above `max_oks` the better one is kept.

    oks: (N, N) from `oks_matrix` of the people with themselves.
    scores: (N,).

    >>> oks_nms(np.array([[1, .95], [.95, 1]]), [.3, .6], max_oks=.9).tolist()
    [1]
    """
    return suppress(oks, scores, max_oks)
