"""Joints as heatmaps and back. Heatmaps are (..., K, h, w), one cell to `stride` input pixels; coordinates x y."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

FloatArray = NDArray[np.float32]


def encode(
    joints: NDArray[np.floating], weights: NDArray[np.floating], size: tuple[int, int], sigma: float, stride: int = 4
) -> tuple[FloatArray, FloatArray]:
    """Gaussian targets of peak 1, the published way: centred on the nearest cell, cut off at 3 sigma.

    joints: (K, 2) in input pixels; weights: (K,), 0 for a joint that is not labelled; size: (w, h) in cells.
    Returns targets (K, h, w) and weights (K,), 0 also where the whole square of 6 sigma + 1 lies outside.
    """
    w, h = size
    reach = sigma * 3
    centers = (joints / stride + 0.5).astype(np.int64)  # towards zero, as published
    outside = (centers - reach >= (w, h)).any(axis=1) | (centers + reach + 1 < 0).any(axis=1)
    weights = np.where(outside, 0, weights).astype(np.float32)

    def profile(length: int, center: NDArray[np.int64]) -> FloatArray:
        offsets = np.arange(length)[None] - center[:, None]
        bell = np.exp(-(offsets**2) / (2 * sigma**2))
        return np.where(np.abs(offsets) <= reach, bell, 0).astype(np.float32)

    targets = profile(h, centers[:, 1])[:, :, None] * profile(w, centers[:, 0])[:, None, :]
    targets[weights == 0] = 0
    return targets, weights


def decode_quarter(heatmaps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Joints (B, K, 2), x y in heatmap cells, and scores (B, K), the height of the peak, of heatmaps (B, K, h, w).

    A joint is the highest cell (the first in row order among equals), moved a quarter of a cell towards the higher
    of its neighbours in x and in y, except in the two outermost rows and columns at either border. A map without
    any positive cell gives (0, 0) and its maximum as score. `stride` times the joints are input pixels. The rule is
    that of the published code (Newell et al., "Stacked Hourglass Networks", ECCV 2016, section 3.3).
    """
    batch, num_joints, h, w = heatmaps.shape
    flat = heatmaps.reshape(batch * num_joints, h * w)
    best = flat.argmax(axis=1)
    row = np.arange(len(flat))
    scores = flat[row, best]
    y, x = np.divmod(best, w)
    inner = (scores > 0) & (x > 1) & (x < w - 1) & (y > 1) & (y < h - 1)
    row, at = row[inner], best[inner]
    joints = np.stack([x, y], axis=1).astype(np.float32)
    joints[scores <= 0] = 0
    joints[inner, 0] += 0.25 * np.sign(flat[row, at + 1] - flat[row, at - 1])
    joints[inner, 1] += 0.25 * np.sign(flat[row, at + w] - flat[row, at - w])
    return joints.reshape(batch, num_joints, 2), scores.reshape(batch, num_joints)


def flip_back(heatmaps: Tensor, flip_indices: ArrayLike) -> Tensor:
    """Heatmaps (B, K, h, w) of mirrored pictures as those of the pictures: mirrored, left and right joints exchanged.

    flip_indices: (K,), for each joint its twin (`Skeleton.flip_indices`).
    """
    return heatmaps.flip(-1)[:, np.asarray(flip_indices).tolist()]


def shift_flipped(heatmaps: Tensor) -> Tensor:
    """Heatmaps (..., h, w) moved one cell to the right; the first column stays.

    A joint at input pixel x lies at cell x / 4, in the mirrored picture at (W - 1 - x) / 4, and so after mirroring
    back at (x - 3) / 4: most of a cell too far left.
    """
    shifted = heatmaps.clone()
    shifted[..., 1:] = heatmaps[..., :-1]
    return shifted


def average_flipped(heatmaps: Tensor, flipped: Tensor, flip_indices: ArrayLike, shift: bool = True) -> Tensor:
    """Mean of heatmaps (B, K, h, w) and of those that the mirrored pictures gave, brought back.

    flip_indices: (K,) twins of the joints; shift: move the mirrored ones one cell to the right before.
    """
    back = flip_back(flipped, flip_indices)
    return (heatmaps + (shift_flipped(back) if shift else back)) * 0.5
