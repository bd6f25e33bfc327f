"""Gaussian heatmaps: drawing them for joints, and decoding joints from them.

Heatmaps are (B, K, h, w); their joints are x y in cells.

There are three heatmap types, with the constants of the published code:
- gaussian: Gaussians centred on the nearest cell (Newell et al., "Stacked Hourglass Networks", ECCV 2016).
- dark: Gaussians centred on the exact position (Zhang et al., "Distribution-Aware Coordinate Representation for Human
  Pose Estimation", CVPR 2020, section 3).
- udp: nearly as dark, in unbiased crops (Huang et al., "The Devil is in the Details", CVPR 2020, sections 3 and 4).

There are four decodings, all from the highest cell and those around it:
- quarter_offset: the highest cell, moved by a quarter of a cell, as in Stacked Hourglass.
- dark and udp: a step of Newton's method on the logarithm of the smoothed map, which for a Gaussian is a parabola.
- soft_argmax: the centre of mass near the highest cell.

Decoding is the same code for NumPy arrays and PyTorch tensors, which stay on their device. Only the peaks are found by
different code: `torch_peaks` finds those of tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.structures.arrays import Float32Array

FloatingArray = NDArray[np.floating]
ArrayOrTensor = Any  # a NumPy array, or a PyTorch tensor, which accepts NumPy's argument names; never both in one call
HeatmapType = Literal["gaussian", "dark", "udp"]
Decoding = Literal["quarter_offset", "dark", "udp", "soft_argmax"]


def gaussian_targets(
    heatmap_type: HeatmapType, joints: FloatingArray, weights: FloatingArray, size: tuple[int, int], sigma: float
) -> tuple[Float32Array, Float32Array]:
    """Gaussian targets (K, h, w), 1 at their centre, and weights (K,), 0 also for joints far outside.

    joints: (K, 2) in cells; weights: (K,), 0 for a joint without label; size: (w, h) and sigma in cells. The centre is
    the nearest cell (gaussian) or the joint itself (dark, udp). gaussian and udp are cut off at more than 3 sigma from
    the nearest cell. A joint is far outside if its whole square of 6 sigma + 1 is.
    """
    w, h = size
    nearest = (joints + 0.5).astype(np.int64)  # towards zero, as published
    centers = nearest if heatmap_type == "gaussian" else joints
    window_centers = joints if heatmap_type == "dark" else nearest
    cutoff = np.inf if heatmap_type == "dark" else 3 * sigma
    outside = (window_centers - 3 * sigma >= size).any(axis=1) | (window_centers + 3 * sigma + 1 < 0).any(axis=1)
    weights = np.where(outside, 0, weights).astype(np.float32)

    def profile(length: int, axis: int) -> Float32Array:
        cells = np.arange(length)[None]
        gaussian = np.exp(-((cells - centers[:, axis, None]) ** 2) / (2 * sigma**2))
        return np.where(np.abs(cells - window_centers[:, axis, None]) <= cutoff, gaussian, 0).astype(np.float32)

    targets = profile(h, 1)[:, :, None] * profile(w, 0)[:, None, :]
    targets[weights == 0] = 0
    return targets, weights


@dataclass(frozen=True)
class Peaks:
    """The highest cells of heatmaps (B, K, h, w) and their surroundings, in float32: all that a decoding needs.

    x, y: (B, K) the highest cell, the first in row order among equals.
    scores: (B, K) height of the highest cell.
    patches: (B, K, D, D) the heights up to (D - 1) / 2 >= 2 cells around it, row by row; beyond the border, the cell at
        the border. Of a smoothed map they are those of the smooth map, scaled back to the old maximum.
    offsets: (D,) distance of each row or column of a patch from the highest cell.
    size: (w, h) of the heatmaps.
    library: numpy or torch, to which all arrays belong.
    """

    x: ArrayOrTensor
    y: ArrayOrTensor
    scores: ArrayOrTensor
    patches: ArrayOrTensor
    offsets: ArrayOrTensor
    size: tuple[int, int]
    library: Any = np

    def at(self, dx: int, dy: int) -> ArrayOrTensor:
        """(B, K) height of the cell dx columns and dy rows from the highest one."""
        middle = self.patches.shape[-1] // 2
        return self.patches[..., middle + dy, middle + dx]

    def is_inner(self, end: int) -> ArrayOrTensor:
        """(B, K) whether the highest cell is outside the first two rows and columns and the last `end` ones."""
        w, h = self.size
        return (self.x > 1) & (self.x < w - end) & (self.y > 1) & (self.y < h - end)

    def moved(self, dx: ArrayOrTensor, dy: ArrayOrTensor, where: ArrayOrTensor = True) -> ArrayOrTensor:
        """(B, K, 2) x y of the highest cells, moved by dx, dy (B, K); (0, 0) where the score is not positive.

        where: (B, K) which cells to move.
        """
        steps = self.library.stack([dx, dy], axis=-1)
        cells = self.library.stack([self.x, self.y], axis=-1)
        joints = cells + (steps if where is True else self.library.where(where[..., None], steps, 0))
        return self.library.where(self.scores[..., None] > 0, joints, 0)


def find_peaks(heatmaps: Float32Array, kernel_size: int = 0, radius: int = 2) -> Peaks:
    """The peaks of heatmaps (B, K, h, w), with the cells up to `radius` around them.

    kernel_size: width in cells, odd, of the Gaussian kernel that smooths the maps first; 0 for no smoothing.
    """
    batch, joints, h, w = heatmaps.shape
    flat = heatmaps.reshape(batch, joints, h * w)
    y, x = np.divmod(flat.argmax(axis=2), w)
    scores = flat.max(axis=2)
    offsets = np.arange(-radius, radius + 1)
    rows, columns = (y[..., None] + offsets).clip(0, h - 1), (x[..., None] + offsets).clip(0, w - 1)
    maps = _smooth(heatmaps, kernel_size) if kernel_size else heatmaps
    b, k = np.ogrid[:batch, :joints, :1, :1][:2]
    patches = maps[b, k, rows[..., None], columns[..., None, :]]
    if kernel_size:
        patches *= (scores / np.maximum(maps.max(axis=(2, 3)), np.float32(1e-10)))[..., None, None]
    return Peaks(x.astype(np.float32), y.astype(np.float32), scores, patches, offsets.astype(np.float32), (w, h))


def decode_quarter_offset(peaks: Peaks) -> ArrayOrTensor:
    """Joints (B, K, 2) in cells, from peaks of maps without smoothing.

    A joint is the highest cell, moved a quarter of a cell towards its higher neighbour in x and in y. It is not moved
    in the first two rows and columns and in the last ones. A map without any positive cell gives (0, 0).

    >>> heatmaps = np.array([[[[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 9, 1], [0, 0, 0, 0]]]], np.float32)
    >>> decode_quarter_offset(find_peaks(heatmaps))
    array([[[2.25, 2.  ]]], dtype=float32)
    """
    at, sign = peaks.at, peaks.library.sign
    return peaks.moved(0.25 * sign(at(1, 0) - at(-1, 0)), 0.25 * sign(at(0, 1) - at(0, -1)), peaks.is_inner(1))


def decode_dark(peaks: Peaks, max_step: float) -> ArrayOrTensor:
    """As `decode_quarter_offset`, from peaks of smoothed maps: the highest cell, moved by a step of Newton's method.

    max_step: longest step in cells; a longer one is not taken. Cells in the two outermost rows and columns stay.
    """
    at = _logarithms(peaks, 1e-10)
    steps = _newton_steps(
        peaks.library,
        (at(1, 0) - at(-1, 0)) / 2,
        (at(0, 1) - at(0, -1)) / 2,
        (at(2, 0) - 2 * at(0, 0) + at(-2, 0)) / 4,
        (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4,
        (at(0, 2) - 2 * at(0, 0) + at(0, -2)) / 4,
        max_step,
    )
    return peaks.moved(*steps, peaks.is_inner(2))


def decode_udp(peaks: Peaks, max_step: float) -> ArrayOrTensor:
    """As `decode_dark`, for heatmaps of type udp: differences over one cell, and up to the border."""
    at = _logarithms(peaks, 1e-3)
    along, across = at(1, 0) + at(-1, 0), at(0, 1) + at(0, -1)
    steps = _newton_steps(
        peaks.library,
        (at(1, 0) - at(-1, 0)) / 2,
        (at(0, 1) - at(0, -1)) / 2,
        along - 2 * at(0, 0),
        (at(1, 1) + at(-1, -1) + 2 * at(0, 0) - along - across) / 2,
        across - 2 * at(0, 0),
        max_step,
    )
    return peaks.moved(*steps)


def decode_soft_argmax(peaks: Peaks) -> ArrayOrTensor:
    """As `decode_quarter_offset`: the centre of mass of the positive heights around the highest cell, inside the map.

    This is the expectation of Sun et al., "Integral Human Pose Regression", ECCV 2018, equation 2. They take it over
    all cells of a softmax, and train for that. Gaussian heatmaps have a background that would pull it to the middle of
    the map, so here it covers only the cells nearby. At the border, where a Gaussian is cut off, it lies too far
    inside.

    >>> decode_soft_argmax(find_peaks(np.array([[[[0, 0, 0, 0], [0, 0, 3, 1], [0, 0, 0, -9]]]], np.float32)))
    array([[[2.25, 1.  ]]], dtype=float32)
    """
    w, h = peaks.size
    columns, rows = peaks.x[..., None] + peaks.offsets, peaks.y[..., None] + peaks.offsets
    inside = ((rows >= 0) & (rows < h))[..., :, None] & ((columns >= 0) & (columns < w))[..., None, :]
    heights = peaks.library.where(inside, peaks.patches, 0).clip(min=0)
    total = heights.sum(axis=(-2, -1))
    total = peaks.library.where(total > 0, total, 1)
    dx = (heights.sum(axis=-2) * peaks.offsets).sum(axis=-1) / total
    dy = (heights.sum(axis=-1) * peaks.offsets).sum(axis=-1) / total
    return peaks.moved(dx, dy)


def _smooth(heatmaps: Float32Array, kernel_size: int) -> Float32Array:
    """Heatmaps smoothed with a Gaussian kernel of `kernel_size` cells, with 0 beyond the border."""
    if not heatmaps.size:
        return heatmaps
    batch, joints, h, w = heatmaps.shape
    gap = kernel_size // 2  # rows of 0 between the maps, so that one call smooths all
    tall = np.pad(heatmaps, ((0, 0), (0, 0), (0, gap), (0, 0))).reshape(batch * joints * (h + gap), w)
    smooth = cv2.GaussianBlur(tall, (kernel_size, kernel_size), 0, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(smooth, np.float32).reshape(batch, joints, h + gap, w)[:, :, :h]


def _logarithms(peaks: Peaks, minimum: float) -> Callable[[int, int], ArrayOrTensor]:
    """`Peaks.at` of the logarithms of the heights, which are raised to `minimum` first."""
    return replace(peaks, patches=peaks.library.log(peaks.patches.clip(min=minimum))).at


def _newton_steps(
    library: Any,
    dx: ArrayOrTensor,
    dy: ArrayOrTensor,
    dxx: ArrayOrTensor,
    dxy: ArrayOrTensor,
    dyy: ArrayOrTensor,
    max_step: float,
) -> tuple[ArrayOrTensor, ArrayOrTensor]:
    """Steps (B, K) in x and y to where the gradient vanishes, from derivatives (B, K); 0 where a step is longer than
    `max_step`."""
    determinant = dxx * dyy - dxy * dxy
    x, y = dxy * dy - dyy * dx, dxy * dx - dxx * dy
    is_near = library.maximum(abs(x), abs(y)) < max_step * abs(determinant)
    divisor = library.where(is_near, determinant, 1)
    return library.where(is_near, x / divisor, 0), library.where(is_near, y / divisor, 0)
