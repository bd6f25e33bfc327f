"""Torchvision's detectors, by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision.models import get_model, get_model_weights

from pose_track.geometry.boxes import nms
from pose_track.models.weights import load_weights
from pose_track.runtime.torch_runtime import resolve_device
from pose_track.types import Detections, ImageArray

PERSON_LABEL = 1  # of COCO's categories, as torchvision numbers them


def build_network(name: str, weights: str | None) -> nn.Module:
    """A torchvision detection network with weights from a file, or with its published COCO weights, which are
    downloaded once, checked by their hash and kept in torch's cache folder.

    Raises ValueError or FileNotFoundError naming the file, and ConnectionError with the URL where there is no network.
    """
    published = get_model_weights(name).DEFAULT
    num_classes = len(published.meta["categories"])
    network: nn.Module = get_model(name, weights=None, weights_backbone=None, num_classes=num_classes)
    if weights is not None:
        load_weights(network, weights)
        return network
    try:
        network.load_state_dict(published.get_state_dict(progress=True, check_hash=True))
    except OSError as error:
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        raise ConnectionError(
            f"cannot download the weights of {name} from {published.url} ({error}); put the file into {folder}, give "
            "another as detector.weights, or use --preset fast, which needs none"
        ) from None
    return network


class TorchvisionDetector:
    """People by a torchvision detection network, at the size that network resizes to."""

    def __init__(
        self, name: str, weights: str | None = None, device: str = "auto", min_score: float = 0.3, max_iou: float = 0.6
    ):
        self._device = resolve_device(device)
        self._network = build_network(name, weights).eval().to(self._device)
        self._min_score, self._max_iou = min_score, max_iou

    @torch.inference_mode()
    def __call__(self, image: ImageArray) -> Detections:
        """Boxes x1 y1 x2 y2 in the pixels of the picture, (H, W, 3) uint8 RGB, highest score first."""
        picture = torch.from_numpy(np.ascontiguousarray(image)).to(self._device).permute(2, 0, 1).float() / 255
        found = {key: value.cpu().numpy() for key, value in self._network([picture])[0].items()}
        people = (found["labels"] == PERSON_LABEL) & (found["scores"] >= self._min_score)
        boxes, scores = found["boxes"][people], found["scores"][people]
        keep = nms(boxes, scores, self._max_iou)
        return Detections(boxes[keep], scores[keep])
