"""The codec of a heatmap network: the geometry of its crops, joints to heatmaps, and heatmaps to joints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose_track.geometry.affine import crop_matrix
from pose_track.models.heatmaps import (
    ArrayOrTensor,
    Decoding,
    HeatmapType,
    Peaks,
    decode_dark,
    decode_quarter_offset,
    decode_soft_argmax,
    decode_udp,
    find_peaks,
    gaussian_targets,
)
from pose_track.models.score_map import ScoreMap, describe_scores
from pose_track.structures.arrays import Float32Array, Float64Array

STRIDE = 4  # crop pixels per heatmap cell
DECODINGS: dict[HeatmapType, tuple[Decoding, ...]] = {
    "gaussian": ("quarter_offset", "dark", "soft_argmax"),
    "dark": ("dark", "quarter_offset", "soft_argmax"),
    "udp": ("udp", "soft_argmax"),
}
"""The decodings that each heatmap type allows, the default first. The other decodings assume biased crops, so a UDP
network is never decoded by them."""


@dataclass(frozen=True)
class Codec:
    """How joints become heatmaps and heatmaps become joints. A network runs with the codec that it was trained with.

    heatmap_type: gaussian, dark or udp (see `heatmaps`); udp also crops without bias (see `crop_matrix`).
    input_size: (w, h) of the crops in pixels, multiples of 4.
    sigma: standard deviation of the Gaussians, in cells.
    decoding: one of `DECODINGS[heatmap_type]`; None for the first of them.
    blur_kernel_size: width of the smoothing kernel in cells, odd; None for the usual one, see `kernel_size`.
    score_map: from the height of a peak to a joint's score; None for the height itself.

    Raises ValueError for an unknown heatmap type, a decoding that the type does not allow, another input size, a sigma
    that is not positive, and a kernel size that is not odd and positive.
    """

    heatmap_type: HeatmapType = "gaussian"
    input_size: tuple[int, int] = (192, 256)
    sigma: float = 2.0
    decoding: Decoding | None = None
    blur_kernel_size: int | None = None
    score_map: ScoreMap | None = None

    def __post_init__(self) -> None:
        if self.heatmap_type not in get_args(HeatmapType):
            types = ", ".join(map(repr, get_args(HeatmapType)))
            raise ValueError(f"unknown heatmap_type {self.heatmap_type!r}; choose one of {types}")
        if self.resolved_decoding not in DECODINGS[self.heatmap_type]:
            choices = ", ".join(map(repr, DECODINGS[self.heatmap_type]))
            raise ValueError(
                f"decoding {self.decoding!r} does not fit heatmap_type {self.heatmap_type!r}; choose one of {choices}"
            )
        if any(side < 2 * STRIDE or side % STRIDE for side in self.input_size):
            raise ValueError(f"input_size must be multiples of {STRIDE}, {2 * STRIDE} or more, got {self.input_size!r}")
        if not (math.isfinite(self.sigma) and self.sigma > 0):
            raise ValueError(f"sigma must be positive, got {self.sigma!r}")
        if self.blur_kernel_size is not None and not (self.blur_kernel_size > 0 and self.blur_kernel_size % 2):
            raise ValueError(f"blur_kernel_size must be odd and positive, got {self.blur_kernel_size!r}")

    @property
    def heatmap_size(self) -> tuple[int, int]:
        """(w, h) in cells."""
        return self.input_size[0] // STRIDE, self.input_size[1] // STRIDE

    @property
    def flip_shift(self) -> bool:
        """Whether the flip test moves the mirrored heatmaps one cell to the right (see `flip_test`)."""
        return self.heatmap_type != "udp"

    @property
    def resolved_decoding(self) -> Decoding:
        """The decoding in use: the one that was given, or the default of the heatmap type."""
        return self.decoding or DECODINGS[self.heatmap_type][0]

    @property
    def kernel_size(self) -> int:
        """Width in cells of the Gaussian kernel that smooths heatmaps before decoding; 0 for no smoothing.

        The usual one is as published with DARK: 11 for a sigma of 2 and 17 for 3.
        """
        if self.resolved_decoding not in ("dark", "udp"):
            return 0
        return self.blur_kernel_size or 2 * max(round(3 * self.sigma), 1) - 1

    @property
    def peak_radius(self) -> int:
        """How many cells on each side of the highest one the decoding uses. For the centre of mass it is 3 sigma, which
        covers nearly all of a Gaussian."""
        return math.ceil(3 * self.sigma) if self.resolved_decoding == "soft_argmax" else 2

    def matrix(self, center: ArrayLike, width: float, rotation_degrees: float = 0.0) -> Float64Array:
        """(2, 3) matrix from frame pixels to crop pixels; center: x y and width: of the crop, in frame pixels."""
        return crop_matrix(center, width, self.input_size, rotation_degrees, unbiased=self.heatmap_type == "udp")

    def describe(self) -> dict[str, str]:
        """The heatmaps and their decoding, for the header of the results."""
        return {
            "heatmap_type": self.heatmap_type,
            "sigma": f"{self.sigma:g}",
            "decoding": self.resolved_decoding,
            "scores": describe_scores(self.score_map),
        }

    def encode(self, joints: NDArray[np.floating], weights: NDArray[np.floating]) -> tuple[Float32Array, Float32Array]:
        """Targets (K, h, w) with peaks of 1 and weights (K,) of joints (K, 2) in crop pixels.

        weights: (K,), 0 for a joint without label. The returned ones are 0 also for joints far outside the crop.
        """
        return gaussian_targets(self.heatmap_type, joints / self.cell_size, weights, self.heatmap_size, self.sigma)

    def decode(self, heatmaps: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Joints (B, K, 2) in crop pixels and scores (B, K) of heatmaps (B, K, h, w).

        `torch_decoder.Decoder` does the same with tensors. The score is the height of the map's peak, 1 for a perfect
        map, seldom a little more; or `score_map` of it, a calibrated score. A joint of score 0 lies at (0, 0). Raises
        ValueError for heatmaps of another size than `heatmap_size`.
        """
        self.check_heatmap_size(heatmaps.shape)
        return self.decode_peaks(find_peaks(heatmaps, self.kernel_size, self.peak_radius))

    def check_heatmap_size(self, shape: Sequence[int]) -> None:
        """Raises ValueError for heatmaps of a shape (B, K, h, w) of another size than `heatmap_size`."""
        size = (int(shape[3]), int(shape[2]))
        if size != self.heatmap_size:
            raise ValueError(f"heatmaps must be of (w, h) {self.heatmap_size} cells, got {size}")

    def decode_peaks(self, peaks: Peaks) -> tuple[ArrayOrTensor, ArrayOrTensor]:
        """As `decode`, from the peaks of heatmaps: smoothed with `kernel_size`, with the cells within `peak_radius`."""
        cells = self._joints_in_cells(peaks)
        x, y = self.cell_size.tolist()
        scores = peaks.scores.clip(min=0)
        if self.score_map is not None:
            scores = self.score_map(scores)
        return peaks.library.stack([cells[..., 0] * x, cells[..., 1] * y], axis=-1), scores

    def _joints_in_cells(self, peaks: Peaks) -> ArrayOrTensor:
        """(B, K, 2) joints in cells."""
        if self.resolved_decoding == "quarter_offset":
            return decode_quarter_offset(peaks)
        if self.resolved_decoding == "soft_argmax":
            return decode_soft_argmax(peaks)
        decode = decode_dark if self.resolved_decoding == "dark" else decode_udp
        return decode(peaks, max_step=self.kernel_size / 2)

    @property
    def cell_size(self) -> Float32Array:
        """(2,) crop pixels per cell in x and y. In unbiased crops the centres of the outermost pixels and cells
        coincide."""
        pixels, cells = (np.array(size, np.float32) for size in (self.input_size, self.heatmap_size))
        return (pixels - self._size_reduction) / (cells - self._size_reduction)

    @property
    def crop_centre(self) -> Float64Array:
        """(2,) x y of the crop's centre in crop pixels (see `crop_matrix`)."""
        return (np.array(self.input_size) - self._size_reduction) / 2

    @property
    def _size_reduction(self) -> int:
        """By how much a crop is narrower than its number of pixels, and a heatmap than its number of cells."""
        return int(self.heatmap_type == "udp")
