"""Training a detector to see what a published network sees: its features imitate the teacher's.

The loss is that of Cao et al., "PKD: General Distillation Framework for Object Detectors via Pearson Correlation
Coefficient", NeurIPS 2022. It is blind to the scale of the teacher's features, so any teacher of the same strides will
do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from pose_track.models.centre import CentreNet
from pose_track.structures.arrays import Float32Array


class Teacher(Protocol):
    """The features (B, C, h, w) of images (B, 3, H, W) normalised as those of our networks, finest first.

    shapes: (C, h, w) of each.
    """

    @property
    def shapes(self) -> Sequence[tuple[int, ...]]: ...
    def __call__(self, images: Float32Array, /) -> list[Float32Array]: ...


class ImitatingNet(nn.Module):
    """A `CentreNet` in training, with a 1x1 convolution from each of its branches to the teacher's features.

    Returns the network's output and, in training mode, the loss of the features, a scalar.

    Raises ValueError unless the teacher has features of the size of each branch. side: of the training images in
    pixels.
    """

    def __init__(self, network: CentreNet, teacher: Teacher, side: int):
        super().__init__()
        self.network, self._teacher = network, teacher
        sizes = [(side // stride,) * 2 for stride in network.branch_strides]
        if [shape[1:] for shape in teacher.shapes] != sizes:
            raise ValueError(
                f"detector.teacher.features must be of sizes {sizes}, in this order, got {list(teacher.shapes)}"
            )
        pairs = zip(network.branch_widths, teacher.shapes, strict=True)
        self.projections = nn.ModuleList(nn.Conv2d(width, shape[0], 1, bias=False) for width, shape in pairs)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        branches = self.network.branches(x)
        return self.network.predict(branches), self._imitation_loss(branches, x)

    def _imitation_loss(self, branches: list[Tensor], x: Tensor) -> Tensor:
        features = self._teacher(x.detach().float().cpu().numpy())
        losses = [
            correlation_loss(project(branch), torch.from_numpy(np.asarray(feature)).to(x.device))
            for project, branch, feature in zip(self.projections, branches, features, strict=True)
        ]
        return torch.stack(losses).mean()


def correlation_loss(features: Tensor, teacher: Tensor) -> Tensor:
    """1 minus Pearson's correlation of each channel over batch and cells, a mean over channels.

    features, teacher: (B, C, h, w).

    >>> x = torch.tensor([1.0, 2.0, 4.0]).reshape(1, 1, 1, 3)
    >>> correlation_loss(3 * x + 1, x).abs() < 1e-5, (correlation_loss(-x, x) - 2).abs() < 1e-5
    (tensor(True), tensor(True))
    """
    return 0.5 * nn.functional.mse_loss(standardize(features.float()), standardize(teacher))


def standardize(x: Tensor) -> Tensor:
    """(B, C, h, w) with mean 0 and variance 1 in each channel."""
    standardized: Tensor = nn.functional.batch_norm(x, None, None, training=True, eps=1e-6)
    return standardized
