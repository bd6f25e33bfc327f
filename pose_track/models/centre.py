"""A person detector: an HRNet trunk at stride 8 that marks the centre of each person and measures their box there.

Centres are Gaussians that follow the box's shape, and every cell under one learns the distances to the four sides
(Liu et al., "Training-Time-Friendly Network for Real-Time Object Detection", AAAI 2020).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from pose_track.models.hrnet import HRNetTrunk, conv_bn

FloatArray = NDArray[np.float32]

STRIDE = 8
SIZE_MULTIPLE = 64  # the coarsest branch sees one cell for 64 pixels
PADDING_GREY = 114  # of a canvas beside its picture, in training and after


class CentreNet(nn.Module):
    """(B, 3, H, W) normalised RGB -> (B, 5, H / 8, W / 8); H and W multiples of 64.

    The first channel is the logit of a person's centre, the other four the distances in pixels from the middle of the
    cell to the left, top, right and bottom of the box.
    """

    def __init__(self, widths: Sequence[int], num_modules: Sequence[int], num_blocks: int):
        super().__init__()
        self.trunk = HRNetTrunk(widths, num_modules, num_blocks, stem_blocks=1, stem_channels=32, in_channels=12)
        self.head = conv_bn(widths[0], 64, 3)
        self.heat = nn.Conv2d(64, 1, 1)
        self.sides = nn.Conv2d(64, 4, 1)
        nn.init.normal_(self.heat.weight, std=0.01)
        nn.init.constant_(self.heat.get_parameter("bias"), -4.0)  # about one cell in fifty is a person at the start
        nn.init.normal_(self.sides.weight, std=0.01)
        nn.init.constant_(self.sides.get_parameter("bias"), 1.0)

    def forward(self, x: Tensor) -> Tensor:
        features = self.head(self.trunk(F.pixel_unshuffle(x, 2)))
        return torch.cat([self.heat(features), F.softplus(self.sides(features)) * (2 * STRIDE)], dim=1)


def centre_compact() -> CentreNet:
    """The bundled detector's form: 2.75 M parameters, 0.54 GMACs at 256x448."""
    return CentreNet(widths=(24, 48, 96, 192), num_modules=(1, 1, 1), num_blocks=2)


def cell_centres(height: int, width: int, device: torch.device | None = None) -> Tensor:
    """(2, height, width) x y in input pixels of the middle of each cell of a grid."""
    ys, xs = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    return torch.stack([xs, ys]) * STRIDE + (STRIDE - 1) / 2


def sides_to_boxes(sides: Tensor) -> Tensor:
    """(B, 4, h, w) distances to the sides -> (B, 4, h, w) x1 y1 x2 y2 in input pixels."""
    height, width = sides.shape[-2:]
    centres = cell_centres(height, width, sides.device).to(sides.dtype)
    return torch.cat([centres - sides[:, :2], centres + sides[:, 2:]], dim=1)


def decode_centres(output: FloatArray, min_score: float, max_people: int) -> tuple[FloatArray, FloatArray]:
    """Boxes (N, 4) x1 y1 x2 y2 in input pixels and scores (N,), highest first, of one picture's output (5, h, w).

    A person is a cell that is the highest of its 3x3 neighbourhood and reaches min_score; at most max_people.
    """
    heat = np.exp(-np.logaddexp(0, -output[0]))  # the sigmoid, without overflow
    peaks = (heat >= min_score) & (heat == cv2.dilate(heat, np.ones((3, 3), np.uint8)))
    ys, xs = np.nonzero(peaks)
    best = np.argsort(-heat[ys, xs], kind="stable")[:max_people]
    ys, xs = ys[best], xs[best]
    middles = np.stack([xs, ys], axis=1) * STRIDE + (STRIDE - 1) / 2
    sides = output[1:, ys, xs].T
    boxes = np.concatenate([middles - sides[:, :2], middles + sides[:, 2:]], axis=1)
    return boxes.astype(np.float32), heat[ys, xs].astype(np.float32)
