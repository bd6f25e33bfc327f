"""Object keypoint similarity (OKS) between poses, and the suppression of doubles by it.

OKS is the mean over joints of exp(-d^2 / (2 * area * (2 * sigma)^2)), with d the distance of the two positions of a
joint in pixels (COCO keypoint evaluation, https://cocodataset.org/#keypoints-eval).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose_track.geometry.boxes import Indices, suppress

Array = NDArray[np.float64]


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
) -> Array:
    """(N, M) similarity in [0, 1] of N poses to M poses.

    joints: (N, K, 2) and (M, K, 2), x y in pixels; scores: (N, K) and (M, K); areas: (N,) and (M,) in square pixels,
    of which a pair takes the mean; sigmas: (K,), as in `Skeleton.sigmas`. Only joints scored above `min_joint_score`
    in both poses count, all where it is None; a pair without any has similarity 0. `counted="second"` looks at the
    scores of the second pose alone, as the published code does by mistake, and is there to reproduce its figures.
    """
    a, b = np.asarray(joints_a, np.float64), np.asarray(joints_b, np.float64)
    areas = (np.asarray(areas_a, np.float64)[:, None] + np.asarray(areas_b, np.float64)[None]) / 2
    nearness = _nearness(a[:, None], b[None], areas, sigmas)  # (N, M, K)
    if min_joint_score is None:
        return np.asarray(nearness.mean(axis=-1))
    counts = np.broadcast_to(np.asarray(scores_b)[None] > min_joint_score, nearness.shape)
    if counted == "both":
        counts = counts & (np.asarray(scores_a) > min_joint_score)[:, None]
    return np.asarray((nearness * counts).sum(axis=-1) / np.maximum(counts.sum(axis=-1), 1))


def oks_of_pairs(
    joints_a: NDArray[np.floating],
    scores_a: NDArray[np.floating],
    joints_b: NDArray[np.floating],
    scores_b: NDArray[np.floating],
    areas: NDArray[np.floating],
    sigmas: ArrayLike,
    min_joint_score: float,
) -> Array:
    """(...) similarity in [0, 1] of poses `a` to the poses `b` beside them; NaN where no joint is scored above
    `min_joint_score` in both.

    joints: (..., K, 2) x y in pixels; scores: (..., K); areas: (...) in square pixels; sigmas: (K,). Leading axes are
    broadcast.

    >>> a, b = np.zeros((1, 2, 2)), np.array([[[0, 0], [3, 4]]])
    >>> oks_of_pairs(a, np.ones((1, 2)), b, np.ones((1, 2)), np.array([100.]), [.25, .25], .2).round(3).tolist()
    [0.803]
    """
    counts = (scores_a > min_joint_score) & (scores_b > min_joint_score)
    total = np.where(counts, _nearness(joints_a, joints_b, areas, sigmas), 0).sum(axis=-1)
    number = counts.sum(axis=-1)
    return np.asarray(np.divide(total, number, out=np.full(number.shape, np.nan), where=number > 0))


def _nearness(
    a: NDArray[np.floating], b: NDArray[np.floating], areas: NDArray[np.floating], sigmas: ArrayLike
) -> NDArray[np.floating]:
    """(..., K) how near each joint is to its twin, in the precision of the joints, (..., K, 2). areas: (...)."""
    dx, dy = np.moveaxis(a - b, -1, 0)
    squared = dx * dx + dy * dy  # five times as fast as a sum over an axis of two
    variances = (2 * np.asarray(sigmas, np.float64)) ** 2
    scale = 2 * variances * (areas[..., None] + np.spacing(1))
    return np.asarray(np.exp(-squared / scale.astype(squared.dtype)))


def oks_nms(oks: Array, scores: ArrayLike, max_oks: float) -> Indices:
    """Kept indices, in falling score order, after the doubles among N people went: of two with an OKS above
    `max_oks`, the better one stays. oks: (N, N) from `oks_matrix` of the people with themselves; scores: (N,).

    >>> oks_nms(np.array([[1, .95], [.95, 1]]), [.3, .6], max_oks=.9).tolist()
    [1]
    """
    return suppress(oks, scores, max_oks)


def suppress_oks_soft(oks: Array, scores: ArrayLike, max_oks: float, max_kept: int = 20) -> Indices:
    """Indices of at most `max_kept` people: after each pick the rest lose score by their OKS to it, by the factor
    exp(-oks^2 / max_oks), and the best of them is next. Arguments and shapes as in `oks_nms`. The Gaussian
    penalty is that of Bodla et al., "Soft-NMS", ICCV 2017, equation 3.

    >>> suppress_oks_soft(np.array([[1, .95, 0], [.95, 1, 0], [0, 0, 1]]), [.8, .9, .5], max_oks=.9).tolist()
    [1, 2, 0]
    """
    remaining = np.array(scores, np.float64)
    order = np.argsort(-remaining, kind="stable")
    kept: list[np.int64] = []
    while len(order) and len(kept) < max_kept:
        best, rest = order[0], order[1:]
        kept.append(best)
        remaining[rest] *= np.exp(-(oks[best, rest] ** 2) / max_oks)
        order = rest[np.argsort(-remaining[rest], kind="stable")]
    return np.array(kept, np.int64)
