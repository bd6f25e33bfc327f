"""Torchvision's detectors, by name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights
from torchvision.ops import FrozenBatchNorm2d

from pose_track.runtime.device import resolve_torch_device, upload
from pose_track.runtime.model_spec import Precision
from pose_track.runtime.out_of_memory import halve_batch_on_out_of_memory
from pose_track.runtime.torch_runtime import resolve_precision
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Detections
from pose_track.weights.torchvision import load_torchvision

PERSON_LABEL = 1  # COCO's category of people
MAX_BATCH = 16  # images in one forward pass, at most; fewer once the GPU was out of memory


def build_network(name: str, weights: str | Path) -> nn.Module:
    """A torchvision detection network with weights from a file, such as the published one.

    Raises ValueError or FileNotFoundError with the file.
    """
    num_classes = len(get_model_weights(name).DEFAULT.meta["categories"])
    network: nn.Module = get_model(name, weights=None, weights_backbone=None, num_classes=num_classes)
    if not name.endswith("_v2"):
        freeze_norms(network, eps=0.0 if name == "keypointrcnn_resnet50_fpn" else None)
    load_torchvision(network, weights)
    return network


def freeze_norms(network: nn.Module, eps: float | None = None) -> None:
    """Replace the batch norms by frozen ones, in place, as the published networks have (except those of version 2).

    Torchvision builds frozen norms only for weights that it downloads itself; published files use their names.

    Args:
        eps: of the norms; None for the default. Torchvision sets it to 0 in its older networks.
    """
    for name, child in network.named_children():
        if isinstance(child, nn.BatchNorm2d):
            frozen = FrozenBatchNorm2d(child.num_features)  # its own default eps, as published
            frozen.eps = frozen.eps if eps is None else eps
            setattr(network, name, frozen)
        else:
            freeze_norms(child, eps)


class BFloat16Backbone(nn.Module):
    """A backbone of named feature maps that runs in bfloat16, with channels last in memory. The maps are returned in
    float32, so that boxes are not rounded."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        with torch.autocast(x.device.type, torch.bfloat16):
            return {name: maps.float() for name, maps in self.network(x).items()}


class TorchvisionDetector:
    """A person detector by a torchvision detection network, at the size that the network resizes to.

    Args:
        weights: a file.
        min_score: score below which a box is dropped.
        max_iou: non-maximum suppression: highest IoU of two boxes that are both kept.
        precision: type of the backbone, which is most of the network; "auto" is bfloat16 on a GPU and float32 on a CPU.

    Raises ValueError or FileNotFoundError with the file, and as `resolve_precision`.
    """

    def __init__(
        self,
        name: str,
        weights: str | Path,
        device: str = "auto",
        min_score: float = 0.3,
        max_iou: float = 0.6,
        precision: Precision = "auto",
    ):
        self.device = resolve_torch_device(device)
        self.precision = _resolve_precision(precision, self.device)
        self._torch_device = torch.device(self.device)
        self._network = build_network(name, weights).eval().to(self._torch_device)
        if self.precision == "bfloat16":
            self._network.backbone = BFloat16Backbone(self._network.get_submodule("backbone"))
        self._max_batch = MAX_BATCH
        head = getattr(self._network, "roi_heads", self._network)  # the part that holds the thresholds
        head.score_thresh, head.nms_thresh = min_score, max_iou

    def __call__(self, image: ImageArray) -> Detections:
        """Boxes x1 y1 x2 y2 in the pixels of the image, (H, W, 3) uint8 RGB, by descending score."""
        return self.detect_images([image])[0]

    def detect_images(self, images: Sequence[ImageArray]) -> list[Detections]:
        """The same for several images, in one forward pass where the GPU has the memory for it.

        Raises MemoryError where the memory does not hold a single image.
        """
        requested = min(self._max_batch, len(images))
        remedy = "use another detector.name or --device cpu"
        detect = partial(self._detect, images)
        detections, batch_size = halve_batch_on_out_of_memory(detect, requested, "images", remedy)
        self._max_batch = batch_size if batch_size < requested else self._max_batch
        return detections

    @torch.inference_mode()
    def _detect(self, images: Sequence[ImageArray], batch_size: int) -> list[Detections]:
        detections: list[Detections] = []
        for start in range(0, len(images), max(batch_size, 1)):
            batch = [upload(image, self._torch_device) for image in images[start : start + batch_size]]
            detections += map(_people, self._network([image.permute(2, 0, 1).float() / 255 for image in batch]))
        return detections


def _resolve_precision(precision: Precision, device: str) -> str:
    dtype = resolve_precision("float32" if precision == "auto" and device == "cpu" else precision, device)
    return str(dtype).removeprefix("torch.")


def _people(outputs: dict[str, Tensor]) -> Detections:
    """The people among the objects of one image."""
    boxes, scores, labels = (outputs[key].cpu().numpy() for key in ("boxes", "scores", "labels"))
    people = labels == PERSON_LABEL
    return Detections(boxes[people], scores[people])
