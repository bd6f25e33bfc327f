"""Joints as heatmaps and back. Heatmaps are (B, K, h, w), their joints x y in cells.

Of three kinds, with the constants of the published code. plain: Gaussians on the nearest cell, read to a quarter of a
cell (Newell et al., "Stacked Hourglass Networks", ECCV 2016, section 3.3). dark: Gaussians at the exact place, read by
a step of Newton's method on the logarithm of the smoothed map, which for a Gaussian is a parabola (Zhang et al.,
"Distribution-Aware Coordinate Representation for Human Pose Estimation", CVPR 2020, section 3). udp: nearly the same,
in unbiased crops (Huang et al., "The Devil is in the Details", CVPR 2020, sections 3 and 4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Floats = NDArray[np.floating]
Cells = NDArray[np.int64]
Kind = Literal["plain", "dark", "udp"]

REACH = np.arange(-2, 3)  # the cells around a peak that a decoder looks at


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
    """The highest cells of heatmaps (B, K, h, w) and what is around them: all that reading a joint takes.

    x, y: (B, K), the highest cell, the first in row order among equals; scores: (B, K), its height. around:
    (B, K, 5, 5), the cells x - 2 to x + 2 of the rows y - 2 to y + 2, beyond the border the cell at the border; of a
    map that was smoothed, those of the smooth one, brought back to the old maximum. size: (w, h).
    """

    x: Cells
    y: Cells
    scores: FloatArray
    around: FloatArray
    size: tuple[int, int]

    def inner(self, right: int) -> NDArray[np.bool_]:
        """(B, K) whether the cell is in none of the two first rows and columns, nor of the `right` last ones."""
        w, h = self.size
        return (self.x > 1) & (self.x < w - right) & (self.y > 1) & (self.y < h - right)

    def moved(self, steps: Floats) -> FloatArray:
        """(B, K, 2) the cells x y moved by steps (B, K, 2); (0, 0) where the score is not positive."""
        joints = np.stack([self.x, self.y], axis=-1) + steps
        return np.where(self.scores[..., None] > 0, joints, 0).astype(np.float32)


def find_peaks(heatmaps: FloatArray, kernel: int = 0) -> Peaks:
    """The peaks of heatmaps (B, K, h, w), smoothed before by a Gaussian of `kernel` cells, odd; 0: as they are."""
    batch, joints, h, w = heatmaps.shape
    flat = heatmaps.reshape(batch, joints, h * w)
    y, x = np.divmod(flat.argmax(axis=2), w)
    scores = flat.max(axis=2)
    rows, columns = (y[..., None] + REACH).clip(0, h - 1), (x[..., None] + REACH).clip(0, w - 1)
    maps = _smooth(heatmaps, kernel) if kernel else heatmaps
    b, k = np.ogrid[:batch, :joints, :1, :1][:2]
    around = maps[b, k, rows[..., None], columns[..., None, :]]
    if kernel:
        around *= (scores / np.maximum(maps.max(axis=(2, 3)), np.float32(1e-10)))[..., None, None]
    return Peaks(x, y, scores, around, (w, h))


def decode_quarter(peaks: Peaks) -> FloatArray:
    """Joints (B, K, 2) in cells, of heatmaps of kind plain, by their peaks, not smoothed.

    A joint is the highest cell, moved a quarter of a cell towards the higher of its neighbours in x and in y, except in
    the two outermost rows and columns at either border. A map without any positive cell gives (0, 0).

    >>> decode_quarter(find_peaks(np.array([[[[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 9, 1], [0, 0, 0, 0]]]], np.float32)))
    array([[[2.25, 2.  ]]], dtype=float32)
    """
    at = _reader(peaks.around)
    steps = 0.25 * np.sign(np.stack([at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)], axis=-1))
    return peaks.moved(np.where(peaks.inner(1)[..., None], steps, 0))


def decode_dark(peaks: Peaks, longest: float) -> FloatArray:
    """As `decode_quarter`, for heatmaps of kind dark: the highest cell, moved by Newton's method.

    peaks: of smoothed maps; longest: a step, in cells. Not moved in the two outermost rows and columns.
    """
    at = _reader(np.log(np.maximum(peaks.around, np.float32(1e-10))))
    steps = _newton_steps(
        (at(1, 0) - at(-1, 0)) / 2,
        (at(0, 1) - at(0, -1)) / 2,
        (at(2, 0) - 2 * at(0, 0) + at(-2, 0)) / 4,
        (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4,
        (at(0, 2) - 2 * at(0, 0) + at(0, -2)) / 4,
        longest,
    )
    return peaks.moved(np.where(peaks.inner(2)[..., None], steps, 0))


def decode_udp(peaks: Peaks, longest: float) -> FloatArray:
    """As `decode_dark`, for heatmaps of kind udp: differences over one cell, and up to the border."""
    at = _reader(np.log(np.maximum(peaks.around, np.float32(1e-3))))
    along, across = at(1, 0) + at(-1, 0), at(0, 1) + at(0, -1)
    steps = _newton_steps(
        (at(1, 0) - at(-1, 0)) / 2,
        (at(0, 1) - at(0, -1)) / 2,
        along - 2 * at(0, 0),
        (at(1, 1) + at(-1, -1) + 2 * at(0, 0) - along - across) / 2,
        across - 2 * at(0, 0),
        longest,
    )
    return peaks.moved(steps)


def softmax_maps(logits: FloatArray, sigma: float) -> FloatArray:
    """Heatmaps (B, K, h, w) of a network that gives logits: the probability of each cell, in units of the highest
    that a Gaussian of `sigma` cells has, 1 / (2 pi sigma^2).

    >>> softmax_maps(np.zeros((1, 1, 10, 10), np.float32), sigma=1)[0, 0, 0, 0].item()  # 2 pi / 100
    0.06283185631036758
    """
    exponents = np.exp(logits - logits.max(axis=(2, 3), keepdims=True))
    return np.asarray(exponents * (2 * np.pi * sigma**2 / exponents.sum(axis=(2, 3), keepdims=True)), np.float32)


def _reader(around: FloatArray) -> Callable[[int, int], FloatArray]:
    """Reads of cells around peaks (B, K, 5, 5) those at dx, dy from the peak, (B, K)."""
    return lambda dx, dy: around[..., 2 + dy, 2 + dx]


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
