"""Percentage of correct keypoints: the share of joints predicted near enough to the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.skeleton import Skeleton

FloatArray = NDArray[np.floating]


def torso_sizes(joints: FloatArray, visibility: NDArray[np.integer], skeleton: Skeleton) -> NDArray[np.float64]:
    """(N,) distance in pixels from the left shoulder to the right hip (Yang and Ramanan, "Articulated Human Detection
    with Flexible Mixtures of Parts", PAMI 2013); the other diagonal where that one is not labelled, NaN where
    neither is.

    joints: (N, K, 2); visibility: (N, K), 0 not labelled.
    """
    sizes = np.full(len(joints), np.nan)
    for a, b in (("right_shoulder", "left_hip"), ("left_shoulder", "right_hip")):
        i, j = skeleton.index(a), skeleton.index(b)
        labelled = (visibility[:, i] > 0) & (visibility[:, j] > 0)
        sizes[labelled] = np.linalg.norm(joints[labelled, i] - joints[labelled, j], axis=-1)
    return sizes


def pck(
    predicted: FloatArray, truth: FloatArray, visibility: NDArray[np.integer], sizes: FloatArray, threshold: float = 0.2
) -> tuple[float, NDArray[np.float64]]:
    """Shares in [0, 1]: over all labelled joints of all people, and (K,) for each joint (NaN where none is labelled).

    predicted, truth: (N, K, 2) pixels; visibility: (N, K); sizes: (N,) the reference length of each person in
    pixels, people of NaN or 0 length left out; a joint is right within `threshold` times that length.

    >>> truth = np.zeros((1, 2, 2)); found = np.array([[[0.1, 0], [0.3, 0]]])
    >>> pck(found, truth, np.ones((1, 2), int), np.ones(1))
    (0.5, array([1., 0.]))
    """
    usable = np.isfinite(sizes) & (sizes > 0)
    counted = (visibility > 0) & usable[:, None]
    distance = np.linalg.norm(predicted - truth, axis=-1)
    right = counted & (distance <= threshold * np.where(usable, sizes, 1)[:, None])
    with np.errstate(invalid="ignore"):
        per_joint = right.sum(axis=0) / np.where(counted.any(axis=0), counted.sum(axis=0), np.nan)
    return float(right.sum() / max(counted.sum(), 1)), per_joint
