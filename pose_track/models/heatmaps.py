"""Joints as heatmaps and back, and the flip test. Heatmaps are (B, K, h, w), their joints x y in cells.

Of three kinds, with the constants of the published code. plain: Gaussians on the nearest cell, read to a quarter of a
cell (Newell et al., "Stacked Hourglass Networks", ECCV 2016, section 3.3). dark: Gaussians at the exact place, read by
a step of Newton's method on the logarithm of the smoothed map, which for a Gaussian is a parabola (Zhang et al.,
"Distribution-Aware Coordinate Representation for Human Pose Estimation", CVPR 2020, section 3). udp: nearly the same,
in unbiased crops (Huang et al., "The Devil is in the Details", CVPR 2020, sections 3 and 4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

FloatArray = NDArray[np.float32]
Floats = NDArray[np.floating]
Cells = NDArray[np.int64]
Neighbours = Callable[[int, int], FloatArray]  # dx, dy -> values (B, K)
Decoded = tuple[FloatArray, FloatArray]
Kind = Literal["plain", "dark", "udp"]


def gaussian_targets(
    kind: Kind, joints: Floats, weights: Floats, size: tuple[int, int], sigma: float
) -> tuple[FloatArray, FloatArray]:
    """Gaussian targets (K, h, w), 1 at their centre, and weights (K,), 0 also for what lies far outside.

    joints: (K, 2) in cells; weights: (K,), 0 for a joint that is not labelled; size: (w, h) and sigma in cells. The
    centre is the nearest cell (plain) or the joint itself (dark, udp); plain and udp cut off what is more than 3
    sigma from the nearest cell. Far outside is a joint whose whole square of 6 sigma + 1 is.
    """
    w, h = size
    nearest = (joints + 0.5).astype(np.int64)  # towards zero, as published
    centers = nearest if kind == "plain" else joints
    middles = joints if kind == "dark" else nearest
    reach = np.inf if kind == "dark" else 3 * sigma
    outside = (middles - 3 * sigma >= size).any(axis=1) | (middles + 3 * sigma + 1 < 0).any(axis=1)
    weights = np.where(outside, 0, weights).astype(np.float32)

    def profile(length: int, axis: int) -> FloatArray:
        cells = np.arange(length)[None]
        bell = np.exp(-((cells - centers[:, axis, None]) ** 2) / (2 * sigma**2))
        return np.where(np.abs(cells - middles[:, axis, None]) <= reach, bell, 0).astype(np.float32)

    targets = profile(h, 1)[:, :, None] * profile(w, 0)[:, None, :]
    targets[weights == 0] = 0
    return targets, weights


def decode_quarter(heatmaps: FloatArray) -> Decoded:
    """Joints (B, K, 2) in cells and scores (B, K), the height of the peak, of heatmaps (B, K, h, w) of kind plain.

    A joint is the highest cell (the first in row order among equals), moved a quarter of a cell towards the higher
    of its neighbours in x and in y, except in the two outermost rows and columns at either border. A map without
    any positive cell gives (0, 0) and its maximum as score.
    """
    h, w = heatmaps.shape[2:]
    x, y, scores = _peaks(heatmaps)
    at = _around(heatmaps, x, y)
    inner = (x > 1) & (x < w - 1) & (y > 1) & (y < h - 1)
    steps = 0.25 * np.sign(np.stack([at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)], axis=-1))
    return _moved(x, y, scores, np.where(inner[..., None], steps, 0)), scores


def decode_dark(heatmaps: FloatArray, kernel: int) -> Decoded:
    """As `decode_quarter`, for heatmaps of kind dark: the highest cell, moved by Newton's method.

    kernel: side of the smoothing Gaussian in cells, odd. Not moved in the two outermost rows and columns.
    """
    h, w = heatmaps.shape[2:]
    x, y, scores = _peaks(heatmaps)
    at = _log_smooth(heatmaps, kernel, x, y, scores, floor=1e-10)
    steps = _newton_steps(
        (at(1, 0) - at(-1, 0)) / 2,
        (at(0, 1) - at(0, -1)) / 2,
        (at(2, 0) - 2 * at(0, 0) + at(-2, 0)) / 4,
        (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4,
        (at(0, 2) - 2 * at(0, 0) + at(0, -2)) / 4,
        longest=kernel / 2,
    )
    inner = (x > 1) & (x < w - 2) & (y > 1) & (y < h - 2)
    return _moved(x, y, scores, np.where(inner[..., None], steps, 0)), scores


def decode_udp(heatmaps: FloatArray, kernel: int) -> Decoded:
    """As `decode_dark`, for heatmaps of kind udp: differences over one cell, and up to the border, beyond which the
    map goes on as at the border."""
    x, y, scores = _peaks(heatmaps)
    at = _log_smooth(heatmaps, kernel, x, y, scores, floor=1e-3)
    along, across = at(1, 0) + at(-1, 0), at(0, 1) + at(0, -1)
    steps = _newton_steps(
        (at(1, 0) - at(-1, 0)) / 2,
        (at(0, 1) - at(0, -1)) / 2,
        along - 2 * at(0, 0),
        (at(1, 1) + at(-1, -1) + 2 * at(0, 0) - along - across) / 2,
        across - 2 * at(0, 0),
        longest=kernel / 2,
    )
    return _moved(x, y, scores, steps), scores


def softmax_maps(logits: FloatArray, sigma: float) -> FloatArray:
    """Heatmaps (B, K, h, w) of a network that gives logits: the probability of each cell, in units of the highest
    that a Gaussian of `sigma` cells has, 1 / (2 pi sigma^2).

    >>> softmax_maps(np.zeros((1, 1, 10, 10), np.float32), sigma=1)[0, 0, 0, 0].item()  # 2 pi / 100
    0.06283185631036758
    """
    exponents = np.exp(logits - logits.max(axis=(2, 3), keepdims=True))
    return np.asarray(exponents * (2 * np.pi * sigma**2 / exponents.sum(axis=(2, 3), keepdims=True)), np.float32)


def _peaks(heatmaps: FloatArray) -> tuple[Cells, Cells, FloatArray]:
    """x, y and height (B, K) of the highest cells."""
    batch, joints, h, w = heatmaps.shape
    flat = heatmaps.reshape(batch, joints, h * w)
    y, x = np.divmod(flat.argmax(axis=2), w)
    return x, y, flat.max(axis=2)


def _around(heatmaps: FloatArray, x: Cells, y: Cells) -> Neighbours:
    """Reads the cells (x + dx, y + dy) of heatmaps (B, K, h, w), (B, K); beyond the border, the cell at the border."""
    h, w = heatmaps.shape[2:]
    batch, joint = np.ogrid[: heatmaps.shape[0], : heatmaps.shape[1]]

    def at(dx: int, dy: int) -> FloatArray:
        found: FloatArray = heatmaps[batch, joint, (y + dy).clip(0, h - 1), (x + dx).clip(0, w - 1)]
        return found

    return at


def _log_smooth(heatmaps: FloatArray, kernel: int, x: Cells, y: Cells, scores: FloatArray, floor: float) -> Neighbours:
    """As `_around`, the logarithm of smoothed heatmaps, at least that of `floor`; they have their old maximum again."""
    maps = _smooth(heatmaps, kernel)
    at = _around(maps, x, y)
    factor = scores / np.maximum(maps.max(axis=(2, 3)), np.float32(1e-10))
    return lambda dx, dy: np.log(np.maximum(at(dx, dy) * factor, np.float32(floor)))


def _smooth(heatmaps: FloatArray, kernel: int) -> FloatArray:
    """Heatmaps smoothed by a Gaussian of `kernel` cells, with 0 beyond the border."""
    if not heatmaps.size:
        return heatmaps
    batch, joints, h, w = heatmaps.shape
    gap = kernel // 2  # rows of 0 between the maps, so that one call smooths all
    tall = np.pad(heatmaps, ((0, 0), (0, 0), (0, gap), (0, 0))).reshape(batch * joints * (h + gap), w)
    smooth = cv2.GaussianBlur(tall, (kernel, kernel), 0, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(smooth, np.float32).reshape(batch, joints, h + gap, w)[:, :, :h]


def _newton_steps(dx: Floats, dy: Floats, dxx: Floats, dxy: Floats, dyy: Floats, longest: float) -> Floats:
    """Steps (B, K, 2) to where the gradient vanishes, 0 where that is further than `longest`, of derivatives (B, K)."""
    determinant = dxx * dyy - dxy * dxy
    steps = np.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], axis=-1)
    near = np.abs(steps).max(axis=-1) < longest * np.abs(determinant)
    return np.where(near[..., None], steps / np.where(near, determinant, 1)[..., None], 0)


def _moved(x: Cells, y: Cells, scores: FloatArray, steps: Floats) -> FloatArray:
    """Cells (x, y) moved by steps; (0, 0) where the score is not positive."""
    joints = np.stack([x, y], axis=-1) + steps
    return np.where(scores[..., None] > 0, joints, 0).astype(np.float32)


def flip_back(heatmaps: Tensor, flip_indices: ArrayLike) -> Tensor:
    """Heatmaps (B, K, h, w) of mirrored pictures as those of the pictures: mirrored, left and right joints exchanged.

    flip_indices: (K,), for each joint its twin (`Skeleton.flip_indices`).
    """
    return heatmaps.flip(-1)[:, np.asarray(flip_indices).tolist()]


def shift_flipped(heatmaps: Tensor) -> Tensor:
    """Heatmaps (..., h, w) moved one cell to the right; the first column stays.

    A joint at input pixel x lies at cell x / 4, in the mirrored picture at (W - 1 - x) / 4, and so after mirroring
    back at (x - 3) / 4: most of a cell too far left. With cells of (W - 1) / (w - 1) pixels, as of kind udp, it is not.
    """
    shifted = heatmaps.clone()
    shifted[..., 1:] = heatmaps[..., :-1]
    return shifted


def average_flipped(heatmaps: Tensor, flipped: Tensor, flip_indices: ArrayLike, shift: bool = True) -> Tensor:
    """Mean of heatmaps (B, K, h, w) and of those that the mirrored pictures gave, brought back.

    flip_indices: (K,) twins of the joints; shift: move the mirrored ones one cell to the right before, which
    `Codec.flip_shift` tells.
    """
    back = flip_back(flipped, flip_indices)
    return (heatmaps + (shift_flipped(back) if shift else back)) * 0.5
