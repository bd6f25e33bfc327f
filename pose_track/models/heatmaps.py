"""Joints as heatmaps and back. Heatmaps are (B, K, h, w), their joints x y in cells.

Networks are trained with one of three kinds of heatmaps, with the constants of the published code. plain: Gaussians on
the nearest cell (Newell et al., "Stacked Hourglass Networks", ECCV 2016). dark: Gaussians at the exact place (Zhang et
al., "Distribution-Aware Coordinate Representation for Human Pose Estimation", CVPR 2020, section 3). udp: nearly the
same, in unbiased crops (Huang et al., "The Devil is in the Details", CVPR 2020, sections 3 and 4).

Joints are read from the highest cell and those around it in one of four ways. plain: to a quarter of a cell, as
Stacked Hourglass does. dark and udp: by a step of Newton's method on the logarithm of the smoothed map, which for a
Gaussian is a parabola. soft_argmax: the centre of mass near the highest cell.

Reading is the same for arrays of numpy and tensors of torch, which stay on their device; only the peaks are found by
different code, that of tensors by `torch_peaks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Floats = NDArray[np.floating]
Array = Any  # of numpy, or a tensor of torch, which takes numpy's names of arguments; never both in one call
Kind = Literal["plain", "dark", "udp"]
Decoding = Literal["plain", "dark", "udp", "soft_argmax"]


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


@dataclass(frozen=True)
class Peaks:
    """The highest cells of heatmaps (B, K, h, w) and what is around them: all that reading a joint takes, in float32.

    x, y: (B, K), the highest cell, the first in row order among equals; scores: (B, K), its height. around:
    (B, K, D, D), what lies up to (D - 1) / 2 >= 2 cells from it, row by row, beyond the border the cell at the border;
    of a map that was smoothed, the smooth one, brought back to the old maximum. offsets: (D,), how far each row or
    column is from the highest cell. size: (w, h). library: numpy or torch, of which all these are.
    """

    x: Array
    y: Array
    scores: Array
    around: Array
    offsets: Array
    size: tuple[int, int]
    library: Any = np

    def at(self, dx: int, dy: int) -> Array:
        """(B, K) the heights dx columns and dy rows from the highest cell."""
        middle = self.around.shape[-1] // 2
        return self.around[..., middle + dy, middle + dx]

    def inner(self, right: int) -> Array:
        """(B, K) whether the cell is in none of the two first rows and columns, nor of the `right` last ones."""
        w, h = self.size
        return (self.x > 1) & (self.x < w - right) & (self.y > 1) & (self.y < h - right)

    def moved(self, dx: Array, dy: Array, where: Array = True) -> Array:
        """(B, K, 2) the cells x y moved by dx, dy (B, K); where: (B, K), only these. (0, 0) where the score is not
        positive."""
        steps = self.library.stack([dx, dy], axis=-1)
        cells = self.library.stack([self.x, self.y], axis=-1)
        joints = cells + (steps if where is True else self.library.where(where[..., None], steps, 0))
        return self.library.where(self.scores[..., None] > 0, joints, 0)


def find_peaks(heatmaps: FloatArray, kernel: int = 0, reach: int = 2) -> Peaks:
    """The peaks of heatmaps (B, K, h, w) and the cells up to `reach` around them, smoothed before by a Gaussian of
    `kernel` cells, odd; 0: as they are."""
    batch, joints, h, w = heatmaps.shape
    flat = heatmaps.reshape(batch, joints, h * w)
    y, x = np.divmod(flat.argmax(axis=2), w)
    scores = flat.max(axis=2)
    near = np.arange(-reach, reach + 1)
    rows, columns = (y[..., None] + near).clip(0, h - 1), (x[..., None] + near).clip(0, w - 1)
    maps = _smooth(heatmaps, kernel) if kernel else heatmaps
    b, k = np.ogrid[:batch, :joints, :1, :1][:2]
    around = maps[b, k, rows[..., None], columns[..., None, :]]
    if kernel:
        around *= (scores / np.maximum(maps.max(axis=(2, 3)), np.float32(1e-10)))[..., None, None]
    return Peaks(x.astype(np.float32), y.astype(np.float32), scores, around, near.astype(np.float32), (w, h))


def decode_quarter(peaks: Peaks) -> Array:
    """Joints (B, K, 2) in cells, by peaks that were not smoothed.

    A joint is the highest cell, moved a quarter of a cell towards the higher of its neighbours in x and in y, except in
    the two first rows and columns and the last ones. A map without any positive cell gives (0, 0).

    >>> decode_quarter(find_peaks(np.array([[[[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 9, 1], [0, 0, 0, 0]]]], np.float32)))
    array([[[2.25, 2.  ]]], dtype=float32)
    """
    at, sign = peaks.at, peaks.library.sign
    return peaks.moved(0.25 * sign(at(1, 0) - at(-1, 0)), 0.25 * sign(at(0, 1) - at(0, -1)), peaks.inner(1))


def decode_dark(peaks: Peaks, longest: float) -> Array:
    """As `decode_quarter`, by peaks of smoothed maps: the highest cell, moved by Newton's method.

    longest: a step, in cells. Not moved in the two outermost rows and columns.
    """
    at = _logarithms(peaks, 1e-10)
    steps = _newton_steps(
        peaks.library,
        (at(1, 0) - at(-1, 0)) / 2,
        (at(0, 1) - at(0, -1)) / 2,
        (at(2, 0) - 2 * at(0, 0) + at(-2, 0)) / 4,
        (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4,
        (at(0, 2) - 2 * at(0, 0) + at(0, -2)) / 4,
        longest,
    )
    return peaks.moved(*steps, peaks.inner(2))


def decode_udp(peaks: Peaks, longest: float) -> Array:
    """As `decode_dark`, for heatmaps of kind udp: differences over one cell, and up to the border."""
    at = _logarithms(peaks, 1e-3)
    along, across = at(1, 0) + at(-1, 0), at(0, 1) + at(0, -1)
    steps = _newton_steps(
        peaks.library,
        (at(1, 0) - at(-1, 0)) / 2,
        (at(0, 1) - at(0, -1)) / 2,
        along - 2 * at(0, 0),
        (at(1, 1) + at(-1, -1) + 2 * at(0, 0) - along - across) / 2,
        across - 2 * at(0, 0),
        longest,
    )
    return peaks.moved(*steps)


def decode_soft_argmax(peaks: Peaks) -> Array:
    """As `decode_quarter`: the centre of mass of the positive heights around the highest cell, and inside the map.

    The expectation of Sun et al., "Integral Human Pose Regression", ECCV 2018, equation 2. They take it over all cells
    of a softmax, and train for that; heatmaps of a Gaussian have a background that would pull it to the middle of the
    map, so here it is taken over what is near. At the border, where a Gaussian is cut off, it lies too far inside.

    >>> decode_soft_argmax(find_peaks(np.array([[[[0, 0, 0, 0], [0, 0, 3, 1], [0, 0, 0, -9]]]], np.float32)))
    array([[[2.25, 1.  ]]], dtype=float32)
    """
    w, h = peaks.size
    columns, rows = peaks.x[..., None] + peaks.offsets, peaks.y[..., None] + peaks.offsets
    inside = ((rows >= 0) & (rows < h))[..., :, None] & ((columns >= 0) & (columns < w))[..., None, :]
    heights = peaks.library.where(inside, peaks.around, 0).clip(min=0)
    total = heights.sum(axis=(-2, -1))
    total = peaks.library.where(total > 0, total, 1)
    dx = (heights.sum(axis=-2) * peaks.offsets).sum(axis=-1) / total
    dy = (heights.sum(axis=-1) * peaks.offsets).sum(axis=-1) / total
    return peaks.moved(dx, dy)


def softmax_maps(logits: FloatArray, sigma: float) -> FloatArray:
    """Heatmaps (B, K, h, w) of a network that gives logits: the probability of each cell, in units of the highest
    that a Gaussian of `sigma` cells has, 1 / (2 pi sigma^2).

    >>> softmax_maps(np.zeros((1, 1, 10, 10), np.float32), sigma=1)[0, 0, 0, 0].item()  # 2 pi / 100
    0.06283185631036758
    """
    exponents = np.exp(logits - logits.max(axis=(2, 3), keepdims=True))
    return np.asarray(exponents * (2 * np.pi * sigma**2 / exponents.sum(axis=(2, 3), keepdims=True)), np.float32)


def _smooth(heatmaps: FloatArray, kernel: int) -> FloatArray:
    """Heatmaps smoothed by a Gaussian of `kernel` cells, with 0 beyond the border."""
    if not heatmaps.size:
        return heatmaps
    batch, joints, h, w = heatmaps.shape
    gap = kernel // 2  # rows of 0 between the maps, so that one call smooths all
    tall = np.pad(heatmaps, ((0, 0), (0, 0), (0, gap), (0, 0))).reshape(batch * joints * (h + gap), w)
    smooth = cv2.GaussianBlur(tall, (kernel, kernel), 0, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(smooth, np.float32).reshape(batch, joints, h + gap, w)[:, :, :h]


def _logarithms(peaks: Peaks, lowest: float) -> Callable[[int, int], Array]:
    """`Peaks.at` of the logarithms of the heights, those below `lowest` taken for it."""
    return replace(peaks, around=peaks.library.log(peaks.around.clip(min=lowest))).at


def _newton_steps(
    library: Any, dx: Array, dy: Array, dxx: Array, dxy: Array, dyy: Array, longest: float
) -> tuple[Array, Array]:
    """Steps (B, K) in x and y to where the gradient vanishes, 0 where that is further than `longest`, of derivatives
    (B, K)."""
    determinant = dxx * dyy - dxy * dxy
    x, y = dxy * dy - dyy * dx, dxy * dx - dxx * dy
    near = library.maximum(abs(x), abs(y)) < longest * abs(determinant)
    divisor = library.where(near, determinant, 1)
    return library.where(near, x / divisor, 0), library.where(near, y / divisor, 0)
