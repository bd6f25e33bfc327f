"""A person detector: an HRNet trunk at stride 8 that predicts each person's centre and, there, their box.

Centres are Gaussians in the shape of the box. Every cell under a Gaussian learns the distances to the four sides (Liu
et al., "Training-Time-Friendly Network for Real-Time Object Detection", AAAI 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pose_track.models.centre_boxes import STRIDE
from pose_track.models.hrnet import HRNetTrunk, conv_bn

HEAD_CHANNELS = 64


class CentreNet(nn.Module):
    """(B, 3, H, W) normalised RGB -> (B, 5, H / 8, W / 8); H and W multiples of 64.

    The first channel is the logit of a person's centre, the other four the distances in pixels from the middle of the
    cell to the left, top, right and bottom of the box.

    The head reads the finest branch after the last exchange, and a pyramid of the coarser branches, which is enlarged
    smoothly: the distances of neighbouring cells differ by the cells' distance, which repeated cells cannot state.

    branch_widths, branch_strides: channels of each branch, and input pixels per cell.
    """

    branch_strides = (8, 16, 32, 64)

    def __init__(self, widths: Sequence[int], num_modules: Sequence[int], num_blocks: int):
        super().__init__()
        self.branch_widths = tuple(widths)
        self.trunk = HRNetTrunk(widths, num_modules, num_blocks, stem_blocks=1, stem_channels=32, in_channels=12)
        self.head = conv_bn(widths[0], HEAD_CHANNELS, 3, relu=False)
        self.lateral = nn.ModuleList(nn.Conv2d(width, HEAD_CHANNELS, 1, bias=False) for width in widths[1:])
        self.heat = nn.Conv2d(HEAD_CHANNELS, 1, 1)
        self.sides = nn.Conv2d(HEAD_CHANNELS, 4, 1)
        for layer in self.lateral:  # the pyramid fades in
            nn.init.zeros_(cast(nn.Conv2d, layer).weight)
        nn.init.normal_(self.heat.weight, std=0.01)
        nn.init.constant_(self.heat.get_parameter("bias"), -4.0)  # about one cell in fifty is a person at the start
        nn.init.normal_(self.sides.weight, std=0.01)
        nn.init.constant_(self.sides.get_parameter("bias"), 1.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.predict(self.branches(x))

    def branches(self, x: Tensor) -> list[Tensor]:
        """The trunk's branches before the last exchange: (B, C, H / s, W / s) for each stride s of `branch_strides`."""
        return self.trunk.branches(self.trunk.stem(F.pixel_unshuffle(x, 2)))

    def predict(self, branches: list[Tensor]) -> Tensor:
        """The output, from that of `branches`."""
        features = F.relu(self.head(self.trunk.last_exchange(branches)) + self._pyramid(branches[1:]))
        return torch.cat([self.heat(features), F.softplus(self.sides(features)) * (2 * STRIDE)], dim=1)

    def _pyramid(self, coarser: list[Tensor]) -> Tensor:
        """The sum of all coarser branches at stride 8 (Lin et al., "Feature Pyramid Networks", CVPR 2017)."""
        levels = [layer(x) for layer, x in zip(self.lateral, coarser, strict=True)]
        total = enlarge(levels[-1])
        for level in reversed(levels[:-1]):
            total = enlarge(total + level)
        return total


def enlarge(x: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, 2 h, 2 w), interpolated bilinearly."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def centre_compact() -> CentreNet:
    """The bundled detector: 2.77 M parameters, 0.54 GMACs at 256x448."""
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
