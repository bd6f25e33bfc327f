"""Several crops of a person, of different sizes about the same centre, and the mean of their heatmaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pose_track.geometry.affine import Matrix
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import Array, FloatArray

SMALLEST, LARGEST = 0.5, 2.0


class Mixing(NamedTuple):
    """What the heatmaps of S scales are multiplied with: arrays of numpy, or tensors on the device of the heatmaps.

    rows (S, 1, 1, h, h) and columns (S, 1, 1, w, w), which is transposed: see `resampling`; shares (h, w): what each of
    the scales that reach a cell counts there.
    """

    rows: Array
    columns: Array
    shares: Array

    def mean(self, maps: Array) -> Array:
        """(N, K, h, w) the mean, in the cells of scale 1, of maps (S N, K, h, w), scale by scale."""
        of_scales = maps.reshape(len(self.rows), len(maps) // len(self.rows), *maps.shape[1:])
        return (self.rows @ of_scales @ self.columns).sum(axis=0) * self.shares


class CropScales:
    """Crops that are `scales` times as large as that of scale 1, about the same centre.

    Their heatmaps are brought to the cells of scale 1, linearly between their own, and averaged. Where a smaller crop
    does not reach, it does not count; where none does, the mean is 0. The maps are heights, not logits.

    Raises ValueError for no scales at all, or one outside [0.5, 2].
    """

    def __init__(self, scales: Sequence[float], codec: Codec) -> None:
        if not scales or not all(SMALLEST <= scale <= LARGEST for scale in scales):  # nan is not, either
            raise ValueError(f"scales must be one or more numbers from {SMALLEST} to {LARGEST}, got {scales!r}")
        self.scales = tuple(map(float, scales))
        self.nearest = min(range(len(scales)), key=lambda n: round(abs(scales[n] - 1), 6))
        self._codec = codec

    def __len__(self) -> int:
        return len(self.scales)

    @property
    def trivial(self) -> bool:
        """Whether there is but the crop of scale 1, whose heatmaps are the mean."""
        return self.scales == (1.0,)

    def matrices(self, matrices: Matrix) -> list[Matrix]:
        """For each scale, matrices (N, 2, 3) from frame to crop pixels; `matrices`: those of scale 1."""
        middle = np.zeros((2, 3))
        middle[:, 2] = self._codec.middle
        return [matrices if scale == 1 else (matrices - middle) / scale + middle for scale in self.scales]

    def of_nearest(self, maps: Array) -> Array:
        """(N, ...) of maps (S N, ...), scale by scale, those of the scale `nearest` to 1, the first of equals."""
        people = len(maps) // len(self)
        return maps[self.nearest * people :][:people]

    def to_nearest(self) -> tuple[float, FloatArray]:
        """A factor, and x y (2,) to be added then, from pixels of the crop of scale 1 to those of the scale `nearest`
        to it."""
        factor = 1 / self.scales[self.nearest]
        return factor, (self._codec.middle * (1 - factor)).astype(np.float32)

    def mixing(self) -> Mixing:
        """What makes a mean of the heatmaps of all scales."""
        sides = zip(self._codec.heatmap_size, (self._codec.middle / self._codec.cell).tolist(), strict=True)
        w, h = (np.stack([resampling(length, middle, scale) for scale in self.scales]) for length, middle in sides)
        reaching = np.einsum("sy,sx->yx", h.sum(axis=2), w.sum(axis=2))
        shares = np.where(reaching > 0.5, 1 / np.maximum(reaching, 1), 0).astype(np.float32)
        return Mixing(h[:, None, None], w.swapaxes(1, 2)[:, None, None], shares)


def resampling(length: int, middle: float, scale: float) -> FloatArray:
    """(length, length), along one side of heatmaps of `length` cells: in row u, what each cell of a map of that scale
    gives to cell u of a map of scale 1.

    Cell u lies at middle + (u - middle) / scale of that map, and so between two cells, which share it; a row whose
    place is beyond the border is 0.

    >>> resampling(3, 1, scale=2).tolist()
    [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 0.5]]
    >>> resampling(3, 1, scale=0.5).tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    cells = np.arange(length)
    places = (middle + (cells - middle) / scale)[:, None]
    near = np.maximum(1 - np.abs(places - cells), 0)
    inside = (places >= -1e-6) & (places <= length - 1 + 1e-6)
    return np.where(inside, near, 0).astype(np.float32)
