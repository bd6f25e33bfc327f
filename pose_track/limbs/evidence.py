"""What speaks for or against an exchange of left and right, as log odds.

Arrays hold N people with P pairs of joints: positions (N, P, 2, 2), the left joint's x y and the right one's, and
scores (N, P, 2). A score of 0 leaves a joint out. Distances count in body heights (N,), in pixels.
"""

from __future__ import annotations

import numpy as np

from pose_track.structures.arrays import Float64Array, FloatingArray, IntArray

MAX_MOTION = 2.5  # natural logarithm of odds: the movement of a pair misleads in one case of thirteen
_DEVIATION = 0.02  # of a joint from where the flow takes it, in body heights

_PER_SCORE = 0.4  # how far each joint's score speaks for the network's own sides, in each frame
_TOGETHER = 0.5  # how far two neighbouring pairs speak for the same answer
_PER_LENGTH = 12.0  # by how much more for each body height by which their bones would grow
_MAX_PER_LENGTH = 2.0


def motion_evidence(
    before: FloatingArray,
    before_scores: FloatingArray,
    after: FloatingArray,
    scores: FloatingArray,
    heights: FloatingArray,
) -> Float64Array:
    """(N, P) for the case that the two joints of a pair have changed sides between two frames.

    It compares how far the joints are from where they were before with how far they are from where the other ones were.
    Distances follow a Cauchy distribution: the flow may lose a joint altogether. Both sums get the same total weight,
    that of the less known one, so that a joint that is not seen speaks for neither.

    before: positions carried into this frame.

    >>> pair = np.array([[[[0.0, 0], [10, 0]]]])
    >>> seen, height = np.ones((1, 1, 2)), np.array([100.0])
    >>> motion_evidence(pair, seen, pair, seen, height), motion_evidence(pair, seen, pair[:, :, ::-1], seen, height)
    (array([[-2.5]]), array([[2.5]]))
    """
    vectors = after[:, :, :, None] - before[:, :, None]  # (N, P, joint after, joint before, 2)
    distances = (vectors**2).sum(axis=-1) / (heights**2)[:, None, None, None]
    costs = np.log1p(distances / _DEVIATION**2)
    weights = scores[:, :, :, None] * before_scores[:, :, None]
    same, crossed = ([0, 1], [0, 1]), ([0, 1], [1, 0])
    total_same, total_crossed = (weights[:, :, i, j].sum(axis=-1) for i, j in (same, crossed))
    least = np.minimum(total_same, total_crossed)
    mean_same, mean_crossed = (
        (weights * costs)[:, :, i, j].sum(axis=-1) / np.maximum(total, 1e-9)
        for (i, j), total in ((same, total_same), (crossed, total_crossed))
    )
    return np.asarray(np.clip(least * (mean_same - mean_crossed), -MAX_MOTION, MAX_MOTION))


def network_evidence(scores: FloatingArray) -> Float64Array:
    """(N, P) for the sides that the network gave a pair."""
    return np.asarray(_PER_SCORE * scores.sum(axis=-1), np.float64)


def bone_evidence(
    joints: FloatingArray, scores: FloatingArray, heights: FloatingArray, bones: IntArray
) -> Float64Array:
    """(N, E) for the case that both pairs of each of E bones, (E, 2), are exchanged or neither: an exchange of one
    crosses the two bones, which mostly makes them longer."""
    first, second = joints[:, bones[:, 0]], joints[:, bones[:, 1]]  # (N, E, 2, 2)
    lengths = np.linalg.norm(first[:, :, :, None] - second[:, :, None], axis=-1) / heights[:, None, None, None]
    growth = lengths[..., 0, 1] + lengths[..., 1, 0] - lengths[..., 0, 0] - lengths[..., 1, 1]
    least = np.minimum(scores[:, bones[:, 0]], scores[:, bones[:, 1]]).min(axis=-1)
    return np.asarray(_TOGETHER + np.clip(_PER_LENGTH * least * growth, -_MAX_PER_LENGTH, _MAX_PER_LENGTH), np.float64)
