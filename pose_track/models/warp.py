"""Crops of images and samples of maps as tensors, on the processor or on a GPU.

Pixel centres have integer coordinates, as everywhere in this package. `grid_sample` expects the outer edges of an image
at -1 and 1.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from pose_track.geometry.affine import invert_affine
from pose_track.structures.arrays import Float64Array


def crop_people(image: Tensor, matrices: Float64Array, size: tuple[int, int]) -> Tensor:
    """Crops (N, 3, h, w), N at least 1, of an image (H, W, 3) uint8, by matrices (N, 2, 3) from image to crop pixels.

    size: (w, h). Bilinear; black outside the image. The values are float32, rounded to the whole numbers of uint8:
    without rounding, one joint in fifty would move by half a heatmap cell.

    >>> image = torch.arange(12, dtype=torch.uint8).reshape(2, 2, 3)
    >>> crop_people(image, np.array([[[2.0, 0, 0], [0, 1, 0]]]), (4, 1))[0, 0].tolist()
    [[0.0, 2.0, 3.0, 2.0]]
    """
    planes = image.permute(2, 0, 1).float().expand(len(matrices), -1, -1, -1)  # (H, W, 3) -> (N, 3, H, W)
    maps = _to_edges(planes.shape[3], planes.shape[2]) @ _square(invert_affine(matrices))
    maps = maps @ np.linalg.inv(_to_edges(*size))
    theta = torch.from_numpy(maps[:, :2].astype(np.float32)).to(image.device)  # GPUs of Apple have no float64
    grid = affine_grid(theta, [len(matrices), 3, size[1], size[0]], align_corners=False)
    return grid_sample(planes, grid, align_corners=False).round()


def sample_maps(maps: Tensor, cells: Tensor) -> Tensor:
    """(B, K, C) values of maps (B, C, h, w) at cells (B, K, 2) x y, bilinear; beyond the border, as at the border.

    >>> maps = torch.tensor([[[[0.0, 1], [2, 3]]]])
    >>> sample_maps(maps, torch.tensor([[[1, 0], [.5, .5], [9, -9]]])).tolist()
    [[[1.0], [1.5], [1.0]]]
    """
    size = torch.tensor([maps.shape[3], maps.shape[2]], device=maps.device)
    grid = (2 * cells + 1) / size - 1
    samples = grid_sample(maps, grid[:, :, None], padding_mode="border", align_corners=False)
    return samples.squeeze(3).transpose(1, 2)  # (B, C, K, 1) -> (B, K, C)


def _to_edges(w: int, h: int) -> Float64Array:
    """(3, 3) matrix from pixels of an image of w x h to coordinates that are -1 and 1 at its outer edges.

    >>> _to_edges(4, 2) @ [3.5, -0.5, 1]
    array([ 1., -1.,  1.])
    """
    return np.array([[2 / w, 0, 1 / w - 1], [0, 2 / h, 1 / h - 1], [0, 0, 1]])


def _square(matrices: Float64Array) -> Float64Array:
    """(N, 3, 3) of (N, 2, 3)."""
    return np.concatenate([matrices, np.broadcast_to([[[0.0, 0, 1]]], (len(matrices), 1, 3))], axis=1)
