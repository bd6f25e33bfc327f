"""A network with its preprocessing and flip test: from uint8 images to outputs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from pose_track.models.flip_test import average_flipped

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class InferenceModel(nn.Module):
    """A network with normalisation before it and, if `flip_indices` are given, the flip test around it.

    network: takes normalised RGB (B, 3, H, W) and returns a tensor or a tuple of them; it is shared, not copied.
    flip_indices: (K,) index of each joint's mirror joint (`Skeleton.flip_indices`). If given, the mirrored images are
        run too, and the first output is the average of both. The other outputs are those of the original images.
    flip_shift: whether the mirrored heatmaps are moved one cell to the right (`Codec.flip_shift`).
    """

    def __init__(self, network: nn.Module, flip_indices: ArrayLike | None = None, flip_shift: bool = True):
        super().__init__()
        self.normalize = Normalize()
        self.network = network
        self.flip_indices = None if flip_indices is None else np.asarray(flip_indices).tolist()
        self.flip_shift = flip_shift

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, H, W, 3) uint8 RGB -> float32 (B, C, h, w) for each output of the network."""
        return self.forward_channels_first(images.permute(0, 3, 1, 2))

    def forward_channels_first(self, images: Tensor) -> tuple[Tensor, ...]:
        """As `forward`, for (B, 3, H, W) RGB in [0, 255] of any dtype."""
        if self.flip_indices is None:
            return self._run(images)
        (original, mirrored), *others = (output.chunk(2) for output in self._run(torch.cat([images, images.flip(-1)])))
        average = average_flipped(original, mirrored, self.flip_indices, self.flip_shift)
        return average, *(of_original for of_original, _ in others)

    def _run(self, images: Tensor) -> tuple[Tensor, ...]:
        dtype = next((p.dtype for p in self.network.parameters()), torch.float32)
        outputs: Tensor | tuple[Tensor, ...] = self.network(self.normalize(images).to(dtype))
        return tuple(output.float() for output in (outputs if isinstance(outputs, tuple) else (outputs,)))


class Normalize(nn.Module):
    """(x / 255 - mean) / std for each channel, with the mean and standard deviation of ImageNet.

    (B, 3, H, W) uint8 RGB in [0, 255] -> (B, 3, H, W) in the dtype of the buffers (float32 unless the module is
    cast), in the memory format of the input. The buffers follow the module to its device and are not in its state dict.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return (images.to(self.mean.dtype) / 255 - self.mean) / self.std
