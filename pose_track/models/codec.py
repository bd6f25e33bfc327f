"""The geometry of a crop and of its heatmaps: from the frame to the crop, to the heatmap's cells, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose_track.geometry.affine import Matrix, crop_matrix
from pose_track.models.heatmaps import (
    FloatArray,
    Kind,
    Peaks,
    decode_dark,
    decode_quarter,
    decode_udp,
    find_peaks,
    gaussian_targets,
    softmax_maps,
)

STRIDE = 4  # crop pixels to a heatmap cell


@dataclass(frozen=True)
class Codec:
    """How joints become heatmaps in training, and heatmaps joints. A network is run with the codec it was trained with.

    kind: "plain", "dark" or "udp" (see `heatmaps`); "udp" also crops without bias (see `crop_matrix`). input_size:
    (w, h) of the crops in pixels, multiples of 4. sigma: of the Gaussians, in cells. logits: whether the network gives
    logits of the softmax over a map's cells (trained with `joints_cross_entropy`) instead of the Gaussians' heights.

    Raises ValueError for an unknown kind, another size or a sigma that is not positive.
    """

    kind: Kind = "plain"
    input_size: tuple[int, int] = (192, 256)
    sigma: float = 2.0
    logits: bool = False

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"unknown kind {self.kind!r}; choose one of {', '.join(map(repr, get_args(Kind)))}")
        if any(side < 2 * STRIDE or side % STRIDE for side in self.input_size):
            raise ValueError(f"input_size must be multiples of {STRIDE}, {2 * STRIDE} or more, got {self.input_size!r}")
        if not (math.isfinite(self.sigma) and self.sigma > 0):
            raise ValueError(f"sigma must be positive, got {self.sigma!r}")

    @property
    def heatmap_size(self) -> tuple[int, int]:
        """(w, h) in cells."""
        return self.input_size[0] // STRIDE, self.input_size[1] // STRIDE

    @property
    def flip_shift(self) -> bool:
        """Whether the flip test moves the mirrored heatmaps one cell to the right (see `flip_test`)."""
        return self.kind != "udp"

    @property
    def kernel(self) -> int:
        """How wide the Gaussian is, in cells, that smooths heatmaps before their joints are read; 0 for none. As
        published, 11 for a sigma of 2 and 17 for 3."""
        return 0 if self.kind == "plain" else 2 * max(round(3 * self.sigma), 1) - 1

    def matrix(self, center: ArrayLike, width: float, rotation_degrees: float = 0.0) -> Matrix:
        """(2, 3) matrix from frame pixels to crop pixels; center: x y and width: of the crop, in frame pixels."""
        return crop_matrix(center, width, self.input_size, rotation_degrees, unbiased=self.kind == "udp")

    def encode(self, joints: NDArray[np.floating], weights: NDArray[np.floating]) -> tuple[FloatArray, FloatArray]:
        """Targets (K, h, w) with peaks of 1 and weights (K,) of joints (K, 2) in crop pixels.

        weights: (K,), 0 for a joint that is not labelled; those returned are 0 also for joints far outside the crop.
        """
        return gaussian_targets(self.kind, joints / self._cell, weights, self.heatmap_size, self.sigma)

    def decode(self, heatmaps: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Joints (B, K, 2) in crop pixels and scores (B, K) in [0, 1], 1 for a perfect map, of heatmaps (B, K, h, w).

        A joint of score 0 lies at (0, 0). Raises ValueError for heatmaps of another size than `heatmap_size`.
        """
        maps = softmax_maps(heatmaps, self.sigma) if self.logits else heatmaps
        return self.decode_peaks(find_peaks(maps, self.kernel))

    def decode_peaks(self, peaks: Peaks) -> tuple[FloatArray, FloatArray]:
        """What `decode` gives, by the peaks of the maps, smoothed by `kernel`."""
        if peaks.size != self.heatmap_size:
            raise ValueError(f"heatmaps must be of (w, h) {self.heatmap_size} cells, got {peaks.size}")
        if self.kind == "plain":
            cells = decode_quarter(peaks)
        else:
            decode = decode_dark if self.kind == "dark" else decode_udp
            cells = decode(peaks, longest=self.kernel / 2)
        return cells * self._cell, peaks.scores.clip(0, 1)

    @property
    def _cell(self) -> FloatArray:
        """(2,) crop pixels to a cell, in x and y; unbiased, the middles of the first and last ones coincide."""
        bias = int(self.kind == "udp")
        return (np.array(self.input_size, np.float32) - bias) / (np.array(self.heatmap_size, np.float32) - bias)
