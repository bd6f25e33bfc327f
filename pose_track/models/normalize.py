"""From the bytes of a picture to what a network is fed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Normalize(nn.Module):
    """(x / 255 - mean) / std for each channel, with the mean and deviation of ImageNet.

    (B, 3, H, W) uint8 RGB in [0, 255] -> (B, 3, H, W) in the dtype of the buffers (float32 unless the module is
    cast), in the memory format given. The buffers follow the module to its device and are not in its state dict.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return (images.to(self.mean.dtype) / 255 - self.mean) / self.std
