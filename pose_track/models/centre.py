"""A person detector: an HRNet trunk at stride 8 that predicts each person's centre and, there, their box.

Centres are Gaussians in the shape of the box. Every cell under a Gaussian learns the distances to the four sides (Liu
et al., "Training-Time-Friendly Network for Real-Time Object Detection", AAAI 2020).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pose_track.models.centre_boxes import STRIDE
from pose_track.models.hrnet import HRNetTrunk, conv_bn


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
    """The bundled detector: 2.75 M parameters, 0.54 GMACs at 256x448."""
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
