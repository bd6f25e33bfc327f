"""The peaks of heatmaps that are tensors, on their device; joints are read from them as from any (see `heatmaps`)."""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from pose_track.models.heatmaps import Peaks


class PeakFinder(nn.Module):
    """`heatmaps.find_peaks` of heatmaps (B, K, h, w) float32 of one size. size: (w, h); the others as there.

    What it multiplies with are buffers, so that it can be exported.

    >>> PeakFinder((4, 4))(torch.eye(4)[None, None]).scores
    tensor([[1.]])
    """

    reach: Tensor
    rows: Tensor
    columns: Tensor

    def __init__(self, size: tuple[int, int], kernel: int = 0, reach: int = 2) -> None:
        super().__init__()
        self.size, self.kernel, self.width = size, kernel, 2 * reach + 1
        self.register_buffer("reach", torch.arange(-reach, reach + 1), persistent=False)
        for name, length in zip(("columns", "rows"), size, strict=True):
            self.register_buffer(name, _gaussian_rows(length, max(kernel, 1)), persistent=False)

    def forward(self, heatmaps: Tensor) -> Peaks:
        w, h = self.size
        scores, places = heatmaps.flatten(2).max(dim=2)
        x, y = places % w, places // w
        rows, columns = (y[..., None] + self.reach).clamp(0, h - 1), (x[..., None] + self.reach).clamp(0, w - 1)
        maps = self.rows @ heatmaps @ self.columns if self.kernel else heatmaps  # a convolution, zero beyond the border
        around = maps.flatten(2).gather(2, (rows[..., None] * w + columns[..., None, :]).flatten(2))
        around = torch.unflatten(around, 2, (self.width, self.width))
        if self.kernel:
            around = around * (scores / maps.amax(dim=(2, 3)).clamp(min=1e-10))[..., None, None]
        return Peaks(x.float(), y.float(), scores, around, self.reach.float(), self.size, torch)


def softmax_maps(logits: Tensor, sigma: float) -> Tensor:
    """`heatmaps.softmax_maps` of logits (B, K, h, w) on any device."""
    return (logits.flatten(2).softmax(dim=2) * (2 * math.pi * sigma**2)).view_as(logits)


def _gaussian_rows(length: int, kernel: int) -> Tensor:
    """(length, length) float32: in row n the Gaussian of `kernel` cells about n, what lies outside cut off.

    >>> _gaussian_rows(3, 3)
    tensor([[0.5000, 0.2500, 0.0000],
            [0.2500, 0.5000, 0.2500],
            [0.0000, 0.2500, 0.5000]])
    """
    bell = cv2.getGaussianKernel(kernel, 0)[:, 0]
    rows = sum(bell[d + kernel // 2] * np.eye(length, k=d) for d in range(-(kernel // 2), kernel // 2 + 1))
    return torch.from_numpy(np.asarray(rows, np.float32))
