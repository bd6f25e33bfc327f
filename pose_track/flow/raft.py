"""RAFT of torchvision (Teed and Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models import get_model

from pose_track.flow.methods import PointMap, warp_by_field
from pose_track.flow.pixels import pad_image
from pose_track.runtime.device import resolve_torch_device
from pose_track.structures.arrays import ImageArray
from pose_track.weights.torchvision import load_torchvision

_MULTIPLE = 8  # the network's features are at an eighth of the image size
_MIN_SIDE = 128  # and are halved three times more, down to 2 x 2


def build_network(name: str, weights: str | Path) -> nn.Module:
    """`raft_small` or `raft_large` with weights from a file, such as the published one.

    Raises ValueError or FileNotFoundError with the name of the file.
    """
    network: nn.Module = get_model(name, weights=None)
    load_torchvision(network, weights)
    return network


class Raft:
    """Dense flow by a RAFT network, which is moved to the device. See `methods`.

    Images are padded to sides that are multiples of 8 and at least 128; the field is cropped to the image again.
    """

    needs_colour = True
    reduction = 1

    def __init__(self, network: nn.Module, device: str = "auto") -> None:
        self._device = resolve_torch_device(device)
        self._network = network.eval().to(self._device)

    @torch.inference_mode()
    def __call__(self, before: ImageArray, after: ImageArray) -> PointMap:
        h, w = before.shape[:2]
        field: Tensor = self._network(self._input(before), self._input(after))[-1][0]  # the last refinement, (2, H, W)
        return warp_by_field(np.ascontiguousarray(field[:, :h, :w].permute(1, 2, 0).float().cpu().numpy()))

    def _input(self, image: ImageArray) -> Tensor:
        """(1, 3, H, W) in [-1, 1]."""
        pixels = torch.from_numpy(pad_image(image, _MULTIPLE, _MIN_SIDE)).to(self._device)
        return pixels.permute(2, 0, 1)[None].float() / 127.5 - 1
