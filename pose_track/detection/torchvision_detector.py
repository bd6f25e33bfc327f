"""Torchvision's detectors, by name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights
from torchvision.ops import FrozenBatchNorm2d

from pose_track.runtime.device import resolve_device, upload
from pose_track.runtime.out_of_memory import as_room_allows
from pose_track.structures.frames import Detections, ImageArray
from pose_track.weights.torchvision import load_torchvision

PERSON_LABEL = 1  # of COCO's categories, as torchvision numbers them


def build_network(name: str, weights: str | Path) -> nn.Module:
    """A torchvision detection network with weights from a file, such as the published one.

    Raises ValueError or FileNotFoundError naming the file.
    """
    num_classes = len(get_model_weights(name).DEFAULT.meta["categories"])
    network: nn.Module = get_model(name, weights=None, weights_backbone=None, num_classes=num_classes)
    if not name.endswith("_v2"):
        freeze_norms(network, eps=0.0 if name == "keypointrcnn_resnet50_fpn" else None)
    load_torchvision(network, weights)
    return network


def freeze_norms(network: nn.Module, eps: float | None = None) -> None:
    """Replace the batch norms by frozen ones, in place, as the published networks have (all but those of version 2).

    Torchvision builds them so only together with weights that it downloads itself; the names in a published file are
    those of frozen norms. eps: of the norms, None for the usual one; torchvision sets it to 0 in its older networks.
    """
    for name, child in network.named_children():
        if isinstance(child, nn.BatchNorm2d):
            frozen = FrozenBatchNorm2d(child.num_features)  # with its own eps, as published, whatever the other's was
            frozen.eps = frozen.eps if eps is None else eps
            setattr(network, name, frozen)
        else:
            freeze_norms(child, eps)


class InBfloat16(nn.Module):
    """A network of named maps that is run in bfloat16, channels last in memory; the maps are float32, for boxes are not
    to be rounded."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        with torch.autocast(x.device.type, torch.bfloat16):
            return {name: maps.float() for name, maps in self.network(x).items()}


MAX_BATCH = 16  # pictures at once; fewer once a GPU had no room for as many


class TorchvisionDetector:
    """People by a torchvision detection network, at the size that network resizes to. On a GPU its backbone, which is
    most of it, is run in bfloat16.

    weights: a file. min_score: of a detection; max_iou: of two detections that overlap more, the better stays. Raises
    ValueError or FileNotFoundError naming the file.
    """

    def __init__(
        self, name: str, weights: str | Path, device: str = "auto", min_score: float = 0.3, max_iou: float = 0.6
    ):
        self._device = torch.device(resolve_device(device))
        self._network = build_network(name, weights).eval().to(self._device)
        if self._device.type == "cuda":
            self._network.backbone = InBfloat16(self._network.get_submodule("backbone"))
        self._at_once = MAX_BATCH
        last = getattr(self._network, "roi_heads", self._network)  # where the network keeps thresholds of its own
        last.score_thresh, last.nms_thresh = min_score, max_iou

    def __call__(self, image: ImageArray) -> Detections:
        """Boxes x1 y1 x2 y2 in the pixels of the picture, (H, W, 3) uint8 RGB, highest score first."""
        return self.detect_images([image])[0]

    def detect_images(self, images: Sequence[ImageArray]) -> list[Detections]:
        """The same for each of several pictures, by one call of the network where the GPU has room for them.

        Raises MemoryError where it has none for a single one.
        """
        tried = min(self._at_once, len(images))
        remedy = "use another detector.name or --device cpu"
        found, at_once = as_room_allows(partial(self._find, images), tried, "pictures", remedy)
        self._at_once = at_once if at_once < tried else self._at_once
        return found

    @torch.inference_mode()
    def _find(self, images: Sequence[ImageArray], at_once: int) -> list[Detections]:
        found: list[Detections] = []
        for start in range(0, len(images), max(at_once, 1)):
            part = [upload(image, self._device) for image in images[start : start + at_once]]
            found += map(_people, self._network([picture.permute(2, 0, 1).float() / 255 for picture in part]))
        return found


def _people(found: dict[str, Tensor]) -> Detections:
    """Those of all that was found in a picture."""
    boxes, scores, labels = (found[key].cpu().numpy() for key in ("boxes", "scores", "labels"))
    people = labels == PERSON_LABEL
    return Detections(boxes[people], scores[people])
