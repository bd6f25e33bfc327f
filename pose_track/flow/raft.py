"""RAFT (Teed and Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020), torchvision's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models import get_model

from pose_track.flow.methods import PointMap, along
from pose_track.flow.pixels import padded
from pose_track.runtime.device import resolve_device
from pose_track.structures.frames import ImageArray
from pose_track.weights.torchvision import load_torchvision

_MULTIPLE = 8  # the network's features are at an eighth of the picture
_LEAST = 128  # and are halved three times more, down to 2 x 2


def build_network(name: str, weights: str | Path) -> nn.Module:
    """`raft_small` or `raft_large` with weights from a file, such as the published one.

    Raises ValueError or FileNotFoundError naming the file.
    """
    network: nn.Module = get_model(name, weights=None)
    load_torchvision(network, weights)
    return network


class Raft:
    """Dense flow by a RAFT network, which is moved to the device. See `methods`.

    The sides are padded to multiples of 8, and to 128, by repeating the last column and row; that part is taken off
    the field again.
    """

    needs_colour = True

    def __init__(self, network: nn.Module, device: str = "auto") -> None:
        self._device = resolve_device(device)
        self._network = network.eval().to(self._device)

    @torch.inference_mode()
    def __call__(self, before: ImageArray, after: ImageArray) -> PointMap:
        h, w = before.shape[:2]
        field: Tensor = self._network(self._input(before), self._input(after))[-1][0]  # the last refinement, (2, H, W)
        return along(np.ascontiguousarray(field[:, :h, :w].permute(1, 2, 0).float().cpu().numpy()))

    def _input(self, image: ImageArray) -> Tensor:
        """(1, 3, H, W) in [-1, 1]."""
        pixels = torch.from_numpy(padded(image, _MULTIPLE, _LEAST)).to(self._device)
        return pixels.permute(2, 0, 1)[None].float() / 127.5 - 1
