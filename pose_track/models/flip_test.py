"""The flip test: heatmaps of the mirrored image, mirrored back and averaged with those of the image."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor


def flip_back(heatmaps: Tensor, flip_indices: ArrayLike) -> Tensor:
    """Heatmaps (B, K, h, w) of mirrored images as those of the images: mirrored, left and right joints exchanged.

    flip_indices: (K,) index of each joint's mirror joint (`Skeleton.flip_indices`).
    """
    mirrored = heatmaps.flip(-1)  # joint by joint, for a list of indices would be copied to the device at each call
    return torch.stack([mirrored[:, k] for k in np.asarray(flip_indices).tolist()], dim=1)


def shift_flipped(heatmaps: Tensor) -> Tensor:
    """Heatmaps (..., h, w) moved one cell to the right; the first column stays.

    A joint at input pixel x lies at cell x / 4. In the mirrored image it lies at (W - 1 - x) / 4, and so after
    mirroring back at (x - 3) / 4: most of a cell too far left. With cells of (W - 1) / (w - 1) pixels, as for heatmaps
    of type udp, it does not.
    """
    return torch.cat([heatmaps[..., :1], heatmaps[..., :-1]], dim=-1)


def average_flipped(heatmaps: Tensor, flipped: Tensor, flip_indices: ArrayLike, shift: bool = True) -> Tensor:
    """Mean of heatmaps (B, K, h, w) and those of the mirrored images, mirrored back.

    flip_indices: (K,) index of each joint's mirror joint.
    shift: whether the mirrored ones are moved one cell to the right first, see `Codec.flip_shift`.
    """
    back = flip_back(flipped, flip_indices)
    return (heatmaps + (shift_flipped(back) if shift else back)) * 0.5
