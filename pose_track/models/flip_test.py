"""The flip test: heatmaps of the mirrored picture, brought back and averaged with those of the picture."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor


def flip_back(heatmaps: Tensor, flip_indices: ArrayLike) -> Tensor:
    """Heatmaps (B, K, h, w) of mirrored pictures as those of the pictures: mirrored, left and right joints exchanged.

    flip_indices: (K,), for each joint its twin (`Skeleton.flip_indices`).
    """
    mirrored = heatmaps.flip(-1)  # joint by joint, for a list of indices would be copied to the device at each call
    return torch.stack([mirrored[:, k] for k in np.asarray(flip_indices).tolist()], dim=1)


def shift_flipped(heatmaps: Tensor) -> Tensor:
    """Heatmaps (..., h, w) moved one cell to the right; the first column stays.

    A joint at input pixel x lies at cell x / 4, in the mirrored picture at (W - 1 - x) / 4, and so after mirroring
    back at (x - 3) / 4: most of a cell too far left. With cells of (W - 1) / (w - 1) pixels, as of kind udp, it is not.
    """
    return torch.cat([heatmaps[..., :1], heatmaps[..., :-1]], dim=-1)


def average_flipped(heatmaps: Tensor, flipped: Tensor, flip_indices: ArrayLike, shift: bool = True) -> Tensor:
    """Mean of heatmaps (B, K, h, w) and of those that the mirrored pictures gave, brought back.

    flip_indices: (K,) twins of the joints; shift: move the mirrored ones one cell to the right before, which
    `Codec.flip_shift` tells.
    """
    back = flip_back(flipped, flip_indices)
    return (heatmaps + (shift_flipped(back) if shift else back)) * 0.5
