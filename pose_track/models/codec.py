"""The geometry of a crop and of its heatmaps: from the frame to the crop, to the heatmap's cells, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose_track.geometry.affine import Matrix, crop_matrix
from pose_track.models.heatmaps import (
    Array,
    Decoding,
    FloatArray,
    Kind,
    Peaks,
    decode_dark,
    decode_quarter,
    decode_soft_argmax,
    decode_udp,
    find_peaks,
    gaussian_targets,
    softmax_maps,
)

STRIDE = 4  # crop pixels to a heatmap cell
BIASED: tuple[Decoding, ...] = ("plain", "dark", "soft_argmax")
READINGS: dict[Kind, tuple[Decoding, ...]] = {"plain": BIASED, "dark": BIASED, "udp": ("udp", "soft_argmax")}
"""How heatmaps of each kind may be read: a network trained with udp never by what is made for biased crops."""


@dataclass(frozen=True)
class Codec:
    """How joints become heatmaps in training, and heatmaps joints. A network is run with the codec it was trained with.

    kind: "plain", "dark" or "udp" (see `heatmaps`); "udp" also crops without bias (see `crop_matrix`). input_size:
    (w, h) of the crops in pixels, multiples of 4. sigma: of the Gaussians, in cells. logits: whether the network gives
    logits of the softmax over a map's cells (trained with `joints_cross_entropy`) instead of the Gaussians' heights.
    decoding: how joints are read, one of `READINGS[kind]`; None: the way of the kind's name. blur: the `kernel` where
    it is not the usual one, odd.

    Raises ValueError for an unknown kind, a decoding that is not of the kind, another size, a sigma that is not
    positive or a blur that cannot be.
    """

    kind: Kind = "plain"
    input_size: tuple[int, int] = (192, 256)
    sigma: float = 2.0
    logits: bool = False
    decoding: Decoding | None = None
    blur: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"unknown kind {self.kind!r}; choose one of {', '.join(map(repr, get_args(Kind)))}")
        if self.reading not in READINGS[self.kind]:
            ways = ", ".join(map(repr, READINGS[self.kind]))
            raise ValueError(f"kind {self.kind!r} cannot be decoded {self.decoding!r}; choose one of {ways}")
        if any(side < 2 * STRIDE or side % STRIDE for side in self.input_size):
            raise ValueError(f"input_size must be multiples of {STRIDE}, {2 * STRIDE} or more, got {self.input_size!r}")
        if not (math.isfinite(self.sigma) and self.sigma > 0):
            raise ValueError(f"sigma must be positive, got {self.sigma!r}")
        if self.blur is not None and not (self.blur > 0 and self.blur % 2):
            raise ValueError(f"blur must be odd and positive, got {self.blur!r}")

    @property
    def heatmap_size(self) -> tuple[int, int]:
        """(w, h) in cells."""
        return self.input_size[0] // STRIDE, self.input_size[1] // STRIDE

    @property
    def flip_shift(self) -> bool:
        """Whether the flip test moves the mirrored heatmaps one cell to the right (see `flip_test`)."""
        return self.kind != "udp"

    @property
    def reading(self) -> Decoding:
        """How joints are read, also where no decoding was given."""
        return self.decoding or self.kind

    @property
    def kernel(self) -> int:
        """How wide the Gaussian is, in cells, that smooths heatmaps before their joints are read; 0 for none. As
        published with DARK, 11 for a sigma of 2 and 17 for 3."""
        if self.reading not in ("dark", "udp"):
            return 0
        return self.blur or 2 * max(round(3 * self.sigma), 1) - 1

    @property
    def reach(self) -> int:
        """How many cells around the highest one tell where a joint is, on each side: for the centre of mass, 3 sigma,
        which is nearly all of a Gaussian."""
        return math.ceil(3 * self.sigma) if self.reading == "soft_argmax" else 2

    def matrix(self, center: ArrayLike, width: float, rotation_degrees: float = 0.0) -> Matrix:
        """(2, 3) matrix from frame pixels to crop pixels; center: x y and width: of the crop, in frame pixels."""
        return crop_matrix(center, width, self.input_size, rotation_degrees, unbiased=self.kind == "udp")

    def encode(self, joints: NDArray[np.floating], weights: NDArray[np.floating]) -> tuple[FloatArray, FloatArray]:
        """Targets (K, h, w) with peaks of 1 and weights (K,) of joints (K, 2) in crop pixels.

        weights: (K,), 0 for a joint that is not labelled; those returned are 0 also for joints far outside the crop.
        """
        return gaussian_targets(self.kind, joints / self.cell, weights, self.heatmap_size, self.sigma)

    def decode(self, heatmaps: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Joints (B, K, 2) in crop pixels and scores (B, K) of heatmaps (B, K, h, w); `decoded.Decoder` does the same
        with tensors. The score is the height of the map's peak: 1 for a perfect map, seldom a little more.

        A joint of score 0 lies at (0, 0). Raises ValueError for heatmaps of another size than `heatmap_size`.
        """
        return self.read(self.heights(heatmaps))

    def heights(self, heatmaps: FloatArray) -> FloatArray:
        """Heatmaps (B, K, h, w) as the heights of Gaussians, whether they are that already or logits."""
        return softmax_maps(heatmaps, self.sigma) if self.logits else heatmaps

    def read(self, heights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What `decode` gives, by heights (B, K, h, w)."""
        self.check_size(heights.shape)
        return self.read_peaks(find_peaks(heights, self.kernel, self.reach))

    def check_size(self, shape: Sequence[int]) -> None:
        """Raises ValueError for heatmaps of a shape (B, K, h, w) of another size than `heatmap_size`."""
        size = (int(shape[3]), int(shape[2]))
        if size != self.heatmap_size:
            raise ValueError(f"heatmaps must be of (w, h) {self.heatmap_size} cells, got {size}")

    def read_peaks(self, peaks: Peaks) -> tuple[Array, Array]:
        """What `decode` gives, by the peaks of heights that were smoothed by `kernel`, with what is within `reach`."""
        cells = self._cells(peaks)
        x, y = self.cell.tolist()
        return peaks.library.stack([cells[..., 0] * x, cells[..., 1] * y], axis=-1), peaks.scores.clip(min=0)

    def _cells(self, peaks: Peaks) -> Array:
        """(B, K, 2) joints in cells."""
        if self.reading == "plain":
            return decode_quarter(peaks)
        if self.reading == "soft_argmax":
            return decode_soft_argmax(peaks)
        decode = decode_dark if self.reading == "dark" else decode_udp
        return decode(peaks, longest=self.kernel / 2)

    @property
    def cell(self) -> FloatArray:
        """(2,) crop pixels to a cell, in x and y; unbiased, the middles of the first and last ones coincide."""
        pixels, cells = (np.array(size, np.float32) for size in (self.input_size, self.heatmap_size))
        return (pixels - self._bias) / (cells - self._bias)

    @property
    def middle(self) -> NDArray[np.float64]:
        """(2,) where in a crop its centre lies, x y in pixels (see `crop_matrix`)."""
        return (np.array(self.input_size) - self._bias) / 2

    @property
    def _bias(self) -> int:
        """How much narrower than its pixels a crop is, and a heatmap than its cells."""
        return int(self.kind == "udp")
