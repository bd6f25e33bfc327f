"""A network as it is run: from the bytes of pictures to its outputs, with everything in between."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from pose_track.models.flip_test import average_flipped


class InferenceModel(nn.Module):
    """A network with what comes before and after it: normalisation, and the flip test where it is asked for.

    network: takes normalised RGB (B, 3, H, W) and gives a tensor or a tuple of them; it is shared, not copied.
    flip_indices: (K,) twins of the joints (`Skeleton.flip_indices`); where given, the mirrored pictures are run too and
    the first output is the average of both, the mirrored one moved one cell to the right where flip_shift
    (`Codec.flip_shift`) says so. The other outputs are those of the pictures as they are.
    """

    def __init__(self, network: nn.Module, flip_indices: ArrayLike | None = None, flip_shift: bool = True):
        super().__init__()
        self.normalize = Normalize()
        self.network = network
        self.flip_indices = None if flip_indices is None else np.asarray(flip_indices).tolist()
        self.flip_shift = flip_shift

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, H, W, 3) uint8 RGB -> float32 (B, C, h, w) for each output of the network."""
        return self.planes(images.permute(0, 3, 1, 2))

    def planes(self, images: Tensor) -> tuple[Tensor, ...]:
        """The same of (B, 3, H, W) RGB in [0, 255], of any dtype."""
        if self.flip_indices is None:
            return self._run(images)
        (plain, mirrored), *others = (output.chunk(2) for output in self._run(torch.cat([images, images.flip(-1)])))
        average = average_flipped(plain, mirrored, self.flip_indices, self.flip_shift)
        return average, *(of_plain for of_plain, _ in others)

    def _run(self, images: Tensor) -> tuple[Tensor, ...]:
        dtype = next((p.dtype for p in self.network.parameters()), torch.float32)
        output: Tensor | tuple[Tensor, ...] = self.network(self.normalize(images).to(dtype))
        return tuple(part.float() for part in (output if isinstance(output, tuple) else (output,)))


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
