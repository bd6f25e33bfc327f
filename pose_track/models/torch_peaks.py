"""The peaks of heatmaps that are tensors, on their device. `Codec.decode_peaks` decodes them (see `heatmaps`)."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from pose_track.models.heatmaps import Peaks


class PeakFinder(nn.Module):
    """`heatmaps.find_peaks` for heatmaps (B, K, h, w) float32 of one size. size: (w, h); the others as there.

    Its matrices are buffers, so that it can be exported.

    >>> PeakFinder((4, 4))(torch.eye(4)[None, None]).scores
    tensor([[1.]])
    """

    offsets: Tensor
    rows: Tensor
    columns: Tensor

    def __init__(self, size: tuple[int, int], kernel_size: int = 0, radius: int = 2) -> None:
        super().__init__()
        self.size, self.kernel_size, self.patch_size = size, kernel_size, 2 * radius + 1
        self.register_buffer("offsets", torch.arange(-radius, radius + 1), persistent=False)
        for name, length in zip(("columns", "rows"), size, strict=True):
            self.register_buffer(name, _gaussian_rows(length, max(kernel_size, 1)), persistent=False)

    def forward(self, heatmaps: Tensor) -> Peaks:
        w, h = self.size
        scores, cells = heatmaps.flatten(2).max(dim=2)
        x, y = cells % w, cells // w
        rows, columns = (y[..., None] + self.offsets).clamp(0, h - 1), (x[..., None] + self.offsets).clamp(0, w - 1)
        # a convolution with zeros beyond the border
        maps = self.rows @ heatmaps @ self.columns if self.kernel_size else heatmaps
        patches = maps.flatten(2).gather(2, (rows[..., None] * w + columns[..., None, :]).flatten(2))
        patches = torch.unflatten(patches, 2, (self.patch_size, self.patch_size))  # (B, K, D * D) -> (B, K, D, D)
        if self.kernel_size:
            patches = patches * (scores / maps.amax(dim=(2, 3)).clamp(min=1e-10))[..., None, None]
        return Peaks(x.float(), y.float(), scores, patches, self.offsets.float(), self.size, torch)


def _gaussian_rows(length: int, kernel_size: int) -> Tensor:
    """(length, length) float32: in row n the Gaussian kernel of `kernel_size` cells centred on cell n, cropped to the
    row.

    >>> _gaussian_rows(3, 3)
    tensor([[0.5000, 0.2500, 0.0000],
            [0.2500, 0.5000, 0.2500],
            [0.0000, 0.2500, 0.5000]])
    """
    kernel, radius = cv2.getGaussianKernel(kernel_size, 0)[:, 0], kernel_size // 2
    rows = sum(kernel[d + radius] * np.eye(length, k=d) for d in range(-radius, radius + 1))
    return torch.from_numpy(np.asarray(rows, np.float32))
