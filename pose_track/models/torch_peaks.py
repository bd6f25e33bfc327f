"""What `heatmaps` does with whole maps, where they are: only what is around their peaks comes to the processor."""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np
import torch
from torch import Tensor

from pose_track.models.heatmaps import REACH, Peaks


def find_peaks(heatmaps: Tensor, kernel: int = 0) -> Peaks:
    """`heatmaps.find_peaks` of heatmaps (B, K, h, w) float32 on any device.

    >>> find_peaks(torch.eye(4)[None, None]).x.tolist()
    [[0]]
    """
    h, w = heatmaps.shape[2:]
    scores, places = heatmaps.flatten(2).max(dim=2)
    x, y = places % w, places // w
    reach = torch.from_numpy(REACH).to(heatmaps.device)
    rows, columns = (y[..., None] + reach).clamp(0, h - 1), (x[..., None] + reach).clamp(0, w - 1)
    maps = _smooth(heatmaps, kernel) if kernel else heatmaps
    around = maps.flatten(2).gather(2, (rows[..., None] * w + columns[..., None, :]).flatten(2))
    if kernel:
        around *= (scores / maps.amax(dim=(2, 3)).clamp(min=1e-10))[..., None]
    found = torch.cat([torch.stack([x, y, scores], dim=2), around], dim=2).cpu().numpy()  # at once, for each one waits
    cells = found[..., :2].astype(np.int64)
    patches = found[..., 3:].reshape(*cells.shape[:2], len(REACH), len(REACH))
    return Peaks(cells[..., 0], cells[..., 1], found[..., 2], patches, (w, h))


def softmax_maps(logits: Tensor, sigma: float) -> Tensor:
    """`heatmaps.softmax_maps` of logits (B, K, h, w) on any device."""
    return (logits.flatten(2).softmax(dim=2) * (2 * math.pi * sigma**2)).view_as(logits)


def _smooth(heatmaps: Tensor, kernel: int) -> Tensor:
    """Heatmaps smoothed by a Gaussian of `kernel` cells, with 0 beyond the border."""
    rows, columns = (_gaussian_rows(length, kernel, heatmaps.device) for length in heatmaps.shape[2:])
    return rows @ heatmaps @ columns


@cache
def _gaussian_rows(length: int, kernel: int, device: torch.device) -> Tensor:
    """(length, length) float32: in row n the Gaussian of `kernel` cells about n, what lies outside cut off.

    >>> _gaussian_rows(3, 3, torch.device("cpu"))
    tensor([[0.5000, 0.2500, 0.0000],
            [0.2500, 0.5000, 0.2500],
            [0.0000, 0.2500, 0.5000]])
    """
    bell = cv2.getGaussianKernel(kernel, 0)[:, 0]
    rows = sum(bell[d + kernel // 2] * np.eye(length, k=d) for d in range(-(kernel // 2), kernel // 2 + 1))
    return torch.from_numpy(np.asarray(rows, np.float32)).to(device)
