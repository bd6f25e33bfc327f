"""Multi-scale testing: crops of a person in several sizes about the same centre, and the mean of their heatmaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pose_track.models.codec import Codec
from pose_track.models.heatmaps import ArrayOrTensor
from pose_track.structures.arrays import Float32Array, Float64Array

MIN_SCALE, MAX_SCALE = 0.5, 2.0


class ScaleAverage(NamedTuple):
    """The factors that average the heatmaps of S scales: NumPy arrays, or tensors on the device of the heatmaps.

    rows: (S, 1, 1, h, h) resampling along y, see `resampling_matrix`.
    columns: (S, 1, 1, w, w) resampling along x, transposed.
    weights: (h, w) weight in each cell of every scale that covers it.
    """

    rows: ArrayOrTensor
    columns: ArrayOrTensor
    weights: ArrayOrTensor

    def mean(self, maps: ArrayOrTensor) -> ArrayOrTensor:
        """(N, K, h, w) mean, in the cells of scale 1, of maps (S N, K, h, w), scale by scale."""
        # (S N, K, h, w) -> (S, N, K, h, w)
        by_scale = maps.reshape(len(self.rows), len(maps) // len(self.rows), *maps.shape[1:])
        return (self.rows @ by_scale @ self.columns).sum(axis=0) * self.weights


class CropScales:
    """Crops `scales` times as large as that of scale 1, about the same centre.

    Their heatmaps are resampled linearly to the cells of scale 1 and averaged. A smaller crop counts only where it
    reaches; where none reaches, the mean is 0.

    Raises ValueError for no scales, or one outside [0.5, 2].
    """

    def __init__(self, scales: Sequence[float], codec: Codec) -> None:
        if not scales or not all(MIN_SCALE <= scale <= MAX_SCALE for scale in scales):  # also refuses nan
            raise ValueError(f"scales must be one or more numbers from {MIN_SCALE} to {MAX_SCALE}, got {scales!r}")
        self.scales = tuple(map(float, scales))
        self.nearest = min(range(len(scales)), key=lambda n: round(abs(scales[n] - 1), 6))
        self._codec = codec

    def __len__(self) -> int:
        return len(self.scales)

    @property
    def is_single(self) -> bool:
        """Whether scale 1 is the only one, so that its heatmaps are the mean."""
        return self.scales == (1.0,)

    def matrices(self, matrices: Float64Array) -> list[Float64Array]:
        """For each scale, matrices (N, 2, 3) from frame to crop pixels; `matrices`: those of scale 1."""
        centre = np.zeros((2, 3))
        centre[:, 2] = self._codec.crop_centre
        return [matrices if scale == 1 else (matrices - centre) / scale + centre for scale in self.scales]

    def select_nearest(self, maps: ArrayOrTensor) -> ArrayOrTensor:
        """(N, ...) of maps (S N, ...), scale by scale: those of the scale `nearest` to 1, the first among equals."""
        num_people = len(maps) // len(self)
        return maps[self.nearest * num_people :][:num_people]

    def transform_to_nearest(self) -> tuple[float, Float32Array]:
        """A factor and an offset x y (2,) that take crop pixels of scale 1 to those of the scale `nearest` to it."""
        factor = 1 / self.scales[self.nearest]
        return factor, (self._codec.crop_centre * (1 - factor)).astype(np.float32)

    def average(self) -> ScaleAverage:
        """The factors that average the heatmaps of all scales."""
        sides = zip(self._codec.heatmap_size, (self._codec.crop_centre / self._codec.cell_size).tolist(), strict=True)
        w, h = (
            np.stack([resampling_matrix(length, centre, scale) for scale in self.scales]) for length, centre in sides
        )
        num_covering = np.einsum("sy,sx->yx", h.sum(axis=2), w.sum(axis=2))
        weights = np.where(num_covering > 0.5, 1 / np.maximum(num_covering, 1), 0).astype(np.float32)
        return ScaleAverage(h[:, None, None], w.swapaxes(1, 2)[:, None, None], weights)


def resampling_matrix(length: int, centre: float, scale: float) -> Float32Array:
    """(length, length), for one side of heatmaps of `length` cells: row u holds the weights of the cells of a map of
    that scale in cell u of a map of scale 1.

    Cell u lies at centre + (u - centre) / scale in that map, between two cells, which share the weight. A row whose
    position is beyond the border is 0.

    >>> resampling_matrix(3, 1, scale=2).tolist()
    [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 0.5]]
    >>> resampling_matrix(3, 1, scale=0.5).tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    cells = np.arange(length)
    positions = (centre + (cells - centre) / scale)[:, None]
    weights = np.maximum(1 - np.abs(positions - cells), 0)
    inside = (positions >= -1e-6) & (positions <= length - 1 + 1e-6)
    return np.where(inside, weights, 0).astype(np.float32)
