"""Reading pictures and maps between their pixels, where they are: on the processor or on a GPU.

Pixel centres have integer coordinates, as everywhere; `grid_sample` wants the outer edges of a picture at -1 and 1.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from pose_track.geometry.affine import Matrix, invert_affine


def crop_people(image: Tensor, matrices: Matrix, size: tuple[int, int]) -> Tensor:
    """Crops (N, 3, h, w), at least one, of a picture (H, W, 3) uint8, by matrices (N, 2, 3) from its pixels to those of
    a crop; size: (w, h). Bilinear; black outside the picture. They are float32, but the whole numbers that bytes would
    hold: not rounded, they would move one joint in fifty by half a heatmap's cell.

    >>> image = torch.arange(12, dtype=torch.uint8).reshape(2, 2, 3)
    >>> crop_people(image, np.array([[[2.0, 0, 0], [0, 1, 0]]]), (4, 1))[0, 0].tolist()
    [[0.0, 2.0, 3.0, 2.0]]
    """
    picture = image.permute(2, 0, 1).float().expand(len(matrices), -1, -1, -1)
    maps = _to_edges(picture.shape[3], picture.shape[2]) @ _square(invert_affine(matrices))
    maps = maps @ np.linalg.inv(_to_edges(*size))
    places = torch.from_numpy(maps[:, :2]).to(image.device, torch.float32)
    grid = affine_grid(places, [len(matrices), 3, size[1], size[0]], align_corners=False)
    return grid_sample(picture, grid, align_corners=False).round()


def sample_maps(maps: Tensor, cells: Tensor) -> Tensor:
    """(B, K, C) what maps (B, C, h, w) hold at cells (B, K, 2) x y, bilinear; beyond the border, as at the border.

    >>> maps = torch.tensor([[[[0.0, 1], [2, 3]]]])
    >>> sample_maps(maps, torch.tensor([[[1, 0], [.5, .5], [9, -9]]])).tolist()
    [[[1.0], [1.5], [1.0]]]
    """
    size = torch.tensor([maps.shape[3], maps.shape[2]], device=maps.device)
    grid = (2 * cells + 1) / size - 1
    found = grid_sample(maps, grid[:, :, None], padding_mode="border", align_corners=False)
    return found.squeeze(3).transpose(1, 2)  # (B, C, K, 1) -> (B, K, C)


def _to_edges(w: int, h: int) -> Matrix:
    """(3, 3) matrix from pixels of a picture of w x h to coordinates that are -1 and 1 at its outer edges.

    >>> _to_edges(4, 2) @ [3.5, -0.5, 1]
    array([ 1., -1.,  1.])
    """
    return np.array([[2 / w, 0, 1 / w - 1], [0, 2 / h, 1 / h - 1], [0, 0, 1]])


def _square(matrices: Matrix) -> Matrix:
    """(N, 3, 3) of (N, 2, 3)."""
    return np.concatenate([matrices, np.broadcast_to([[[0.0, 0, 1]]], (len(matrices), 1, 3))], axis=1)
