"""SimCC: a joint as two one-dimensional distributions, over x and over y, in bins finer than pixels.

Li et al., "SimCC: A Simple Coordinate Classification Perspective for Human Pose Estimation", ECCV 2022. RTMPose (Jiang
et al., 2023) and RTMW return the logits of both, trained on Gaussians. The constants are those of MMPose's codec.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike

from pose_track.geometry.affine import crop_matrix
from pose_track.models.heatmaps import ArrayOrTensor
from pose_track.structures.arrays import Float32Array, Float64Array

_MIN_HEIGHT, _MAX_HEIGHT = 1e-3, 50.0  # of logits, before their logarithm
_EPSILON = 1e-9


@dataclass(frozen=True)
class SimccCodec:
    """The crops of a SimCC network, and the decoding of its logits.

    input_size: (w, h) of the crops in pixels.
    bins_per_pixel: bins of both distributions per pixel of the crop.
    sigma: standard deviation of the Gaussians of the training, in bins; None for MMPose's, see `sigmas`.
    dark: whether a step of Newton's method on the logarithm of the smoothed logits moves the highest bin.
    beta: a joint's score is the probability of its bin, with the softmax of the logits times beta and sigma, as
        MMPose's visibility is; None for the height of the logits, which published AP is measured with.
    """

    input_size: tuple[int, int]
    bins_per_pixel: float = 2.0
    sigma: float | None = None
    dark: bool = False
    beta: float | None = None

    @property
    def sigmas(self) -> tuple[float, float]:
        """The standard deviations in x and y, in bins. MMPose's are the root of an eighth of each side in pixels.

        >>> [round(sigma, 2) for sigma in SimccCodec((192, 256)).sigmas]
        [4.9, 5.66]
        """
        w, h = self.input_size
        return (math.sqrt(w / 8), math.sqrt(h / 8)) if self.sigma is None else (self.sigma, self.sigma)

    def matrix(self, center: ArrayLike, width: float) -> Float64Array:
        """(2, 3) matrix from frame pixels to crop pixels; center: x y and width: of the crop, in frame pixels."""
        return crop_matrix(center, width, self.input_size)

    def describe(self) -> dict[str, str]:
        """The decoding, for the header of the results."""
        decoding = {"decoding": "simcc, dark" if self.dark else "simcc", "bins_per_pixel": f"{self.bins_per_pixel:g}"}
        scores = "raw" if self.beta is None else f"softmax, beta {self.beta:g}"
        return {**decoding, "sigma": "{:.4g}x{:.4g}".format(*self.sigmas), "scores": scores}

    def decode(self, x: ArrayOrTensor, y: ArrayOrTensor, library: Any = np) -> tuple[ArrayOrTensor, ArrayOrTensor]:
        """Joints (B, K, 2) in crop pixels and scores (B, K), of logits (B, K, Lx) and (B, K, Ly).

        A joint is the highest bin of both; its score is the lower of both heights. A joint whose score would not be
        positive lies at (0, 0) and has score 0.

        library: numpy or torch, which the logits belong to.
        """
        heights = library.minimum(library.amax(x, -1), library.amax(y, -1))
        axes = [self._place(logits, sigma, library) for logits, sigma in zip((x, y), self.sigmas, strict=True)]
        joints = library.stack(axes, -1) / self.bins_per_pixel
        scores = heights if self.beta is None else self._probabilities(x, y, library)
        is_there = heights > 0
        return library.where(is_there[..., None], joints, 0.0), library.where(is_there, scores, 0.0)

    def _place(self, logits: ArrayOrTensor, sigma: float, library: Any) -> ArrayOrTensor:
        """(B, K) the place of each joint in bins along one axis."""
        bins = logits.argmax(-1)
        places = library.asarray(bins, dtype=library.float32)
        return places - _newton_step(logits, bins, _kernel_size(sigma), library) if self.dark else places

    def _probabilities(self, x: ArrayOrTensor, y: ArrayOrTensor, library: Any) -> ArrayOrTensor:
        """(B, K) the lower of the probabilities of the highest bins in x and in y."""
        assert self.beta is not None
        tops = []
        for logits, sigma in zip((x, y), self.sigmas, strict=True):
            below = (logits - library.amax(logits, -1)[..., None]) * (self.beta * sigma)
            tops.append(1 / library.exp(below).sum(-1))  # the numerator of the highest bin is 1
        return library.minimum(*tops)


def _kernel_size(sigma: float) -> int:
    """Width in bins, odd, of the kernel that smooths logits, as in MMPose.

    >>> _kernel_size(6.0), _kernel_size(4.9)
    (37, 29)
    """
    size = int((sigma * 20 - 7) // 3)
    return size - (size % 2 == 0)


def _newton_step(logits: ArrayOrTensor, bins: ArrayOrTensor, kernel_size: int, library: Any) -> ArrayOrTensor:
    """(B, K) by how many bins the highest one, (B, K), is beyond the maximum of the smoothed logits (B, K, L).

    Steps as long as half the kernel, which occur at the border, are not taken, as with heatmaps. MMPose takes them.
    """
    smooth = logits @ library.asarray(_smoothing(logits.shape[-1], kernel_size))
    smooth = smooth * (library.amax(logits, -1) / library.amax(smooth, -1))[..., None]
    heights = library.log(smooth.clip(_MIN_HEIGHT, _MAX_HEIGHT))

    def at(offset: int) -> ArrayOrTensor:
        places = (bins + offset).clip(0, logits.shape[-1] - 1)[..., None]
        taken = np.take_along_axis(heights, places, -1) if library is np else heights.gather(-1, places)
        return taken[..., 0]

    slope, curvature = (at(1) - at(-1)) / 2, (at(2) - 2 * at(0) + at(-2)) / 4
    step = slope / (curvature + _EPSILON)
    return library.where(abs(step) < kernel_size / 2, step, 0.0)


@lru_cache(maxsize=8)
def _smoothing(length: int, kernel_size: int) -> Float32Array:
    """(length, length) matrix that smooths rows of bins with a Gaussian kernel, with 0 beyond the border."""
    kernel, radius = cv2.getGaussianKernel(kernel_size, 0)[:, 0], kernel_size // 2
    rows = sum(kernel[d + radius] * np.eye(length, k=d) for d in range(-radius, radius + 1))
    return np.asarray(rows, np.float32)
