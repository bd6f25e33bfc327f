"""PCK: the percentage of correct keypoints."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.arrays import Float64Array, FloatingArray
from pose_track.structures.skeleton import Skeleton

BOX_SHARE = 0.25
"""What a person without torso joints is measured by: this share of the longer side of the box. PCK@0.2 is then PCK@0.05
of the box, as is usual for animals (Yu et al., "AP-10K", 2021)."""


def has_torso(skeleton: Skeleton) -> bool:
    """Whether a skeleton has the joints of both torso diagonals."""
    return skeleton.has_sides("shoulder", "hip")


def person_sizes(
    joints: FloatingArray, visibility: NDArray[np.integer], boxes: FloatingArray, skeleton: Skeleton
) -> Float64Array:
    """(N,) reference lengths in pixels: `torso_sizes`, or `BOX_SHARE` of the box for skeletons without shoulders and
    hips. boxes: (N, 4) x1 y1 x2 y2; the others as in `torso_sizes`."""
    if has_torso(skeleton):
        return torso_sizes(joints, visibility, skeleton)
    return np.asarray(BOX_SHARE * (boxes[:, 2:] - boxes[:, :2]).max(axis=1), np.float64)


def torso_sizes(joints: FloatingArray, visibility: NDArray[np.integer], skeleton: Skeleton) -> Float64Array:
    """(N,) torso diagonals in pixels (Yang and Ramanan, "Articulated Human Detection with Flexible Mixtures of Parts",
    PAMI 2013).

    The distance from the left shoulder to the right hip; where one is not labelled, the other diagonal; NaN where
    neither diagonal is labelled.

    joints: (N, K, 2).
    visibility: (N, K); 0 for an unlabelled joint.
    """
    sizes = np.full(len(joints), np.nan)
    for shoulder, hip in (("right_shoulder", "left_hip"), ("left_shoulder", "right_hip")):
        i, j = skeleton.index(shoulder), skeleton.index(hip)
        labelled = (visibility[:, i] > 0) & (visibility[:, j] > 0)
        sizes[labelled] = np.linalg.norm(joints[labelled, i] - joints[labelled, j], axis=-1)
    return sizes


def pck(
    predicted: FloatingArray,
    gt: FloatingArray,
    visibility: NDArray[np.integer],
    sizes: FloatingArray,
    threshold: float = 0.2,
) -> tuple[float, Float64Array]:
    """PCK in [0, 1]: over all labelled joints of all people, and (K,) per joint; NaN for a joint never labelled.

    predicted, gt: (N, K, 2) pixels.
    visibility: (N, K); 0 for an unlabelled joint.
    sizes: (N,) reference length of each person in pixels. People with NaN or 0 are left out.
    threshold: a joint is correct up to `threshold` times the reference length.

    >>> gt = np.zeros((1, 2, 2)); predicted = np.array([[[0.1, 0], [0.3, 0]]])
    >>> pck(predicted, gt, np.ones((1, 2), int), np.ones(1))
    (0.5, array([1., 0.]))
    """
    has_size = np.isfinite(sizes) & (sizes > 0)
    evaluated = (visibility > 0) & has_size[:, None]
    distance = np.linalg.norm(predicted - gt, axis=-1)
    correct = evaluated & (distance <= threshold * np.where(has_size, sizes, 1)[:, None])
    with np.errstate(invalid="ignore"):
        per_joint = correct.sum(axis=0) / np.where(evaluated.any(axis=0), evaluated.sum(axis=0), np.nan)
    return float(correct.sum() / max(evaluated.sum(), 1)), per_joint
