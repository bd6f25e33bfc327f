"""Pictures with boxes as training samples of the person detector: one canvas, targets on a grid of stride 8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.coco import ImageLabel
from pose_track.datasets.images import ImageStore
from pose_track.models.centre import STRIDE
from pose_track.types import ImageArray

PADDING_GREY = 114
SPREAD = 0.54 / 6  # deviation of a centre's Gaussian as a share of the box's side (TTFNet, section 3.2)
MIN_SIDE = 6.0  # pixels on the canvas; people cut down to less are ignored


@dataclass(frozen=True)
class BoxAugmentation:
    """How a training picture is changed. long_side: range of its longer side on the canvas in pixels, drawn
    log-uniformly; aspect: largest stretch of width against height; colour: largest change of gain."""

    long_side: tuple[float, float] = (240.0, 640.0)
    aspect: float = 1.4
    flip_chance: float = 0.5
    colour: float = 0.3
    grey_chance: float = 0.1


class BoxSample(NamedTuple):
    """image: (3, S, S) uint8 RGB; heat: (h, w) target of the centres; boxes: (4, h, w) x1 y1 x2 y2 in canvas pixels
    of the person a cell belongs to; box_weight: (h, w) weight of that box there; heat_weight: (h, w), 0 where
    nothing is known."""

    image: ImageArray
    heat: NDArray[np.float32]
    boxes: NDArray[np.float32]
    box_weight: NDArray[np.float32]
    heat_weight: NDArray[np.float32]


def centre_targets(
    boxes: NDArray[np.floating], size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Heat (h, w), boxes (4, h, w) and box weights (h, w) of (N, 4) boxes in pixels, on a (w, h) grid of cells.

    Every box's Gaussian peaks with 1 in the cell of its centre. Smaller boxes win shared cells. The weights of one
    box sum to the logarithm of its area, so that large people do not drown small ones.
    """
    w, h = size
    heat, weight = np.zeros((h, w), np.float32), np.zeros((h, w), np.float32)
    where = np.zeros((4, h, w), np.float32)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for i in np.argsort(-area, kind="stable"):
        x1, y1, x2, y2 = boxes[i]
        cx, cy = ((np.array([x1 + x2, y1 + y2]) / 2 + 0.5) / STRIDE).astype(int).clip(0, (w - 1, h - 1))
        sx, sy = (max(side * SPREAD / STRIDE, 0.35) for side in (x2 - x1, y2 - y1))
        bell = np.outer(
            np.exp(-((np.arange(h) - cy) ** 2) / (2 * sy**2)), np.exp(-((np.arange(w) - cx) ** 2) / (2 * sx**2))
        ).astype(np.float32)
        bell[bell < 0.05] = 0
        under = bell > 0
        heat = np.maximum(heat, bell)
        where[:, under] = np.array([x1, y1, x2, y2], np.float32)[:, None]
        weight[under] = bell[under] / bell.sum() * np.log(max(area[i], np.e))
    return heat, where, weight


class PeopleDataset:
    """Pictures with person boxes on a square canvas, augmented.

    canvas: side in pixels, a multiple of 64. The crop of one index is drawn anew at each access.
    """

    def __init__(
        self, images: ImageStore, labels: Sequence[ImageLabel], canvas: int, augmentation: BoxAugmentation, seed: int = 0
    ):
        self.images, self.labels, self.canvas, self.augmentation = images, labels, canvas, augmentation
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Restart the random augmentation."""
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> BoxSample:
        label = self.labels[index]
        return self.sample(self.images.read(label.file_name), label)

    def sample(self, image: ImageArray, label: ImageLabel) -> BoxSample:
        """One augmented sample of a picture."""
        scale, shift, flip = self._draw_placement(image.shape[1], image.shape[0])
        matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
        grey = (PADDING_GREY,) * 3
        canvas = cv2.warpAffine(image, matrix, (self.canvas, self.canvas), flags=cv2.INTER_AREA, borderValue=grey)
        boxes, ignore = (self._place(b, scale, shift, flip) for b in (label.boxes, label.ignore))
        if flip:
            canvas = canvas[:, ::-1]
        return self._targets(self._repaint(canvas), boxes, ignore, label.exhaustive)

    def _draw_placement(self, width: int, height: int) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
        """Scale x y and shift x y from the picture to the canvas, and whether to mirror."""
        aug, rng = self.augmentation, self.rng
        factor = np.exp(rng.uniform(*np.log(aug.long_side))) / max(width, height)
        stretch = np.exp(rng.uniform(-1, 1) * np.log(aug.aspect) / 2)
        scale = factor * np.array([stretch, 1 / stretch])
        room = self.canvas - scale * (width, height)
        return scale, rng.uniform(np.minimum(room, 0), np.maximum(room, 0)), bool(rng.random() < aug.flip_chance)

    def _place(
        self, boxes: NDArray[np.float64], scale: NDArray[np.float64], shift: NDArray[np.float64], flip: bool
    ) -> NDArray[np.float64]:
        placed = boxes * np.tile(scale, 2) + np.tile(shift, 2)
        if flip:
            placed[:, [0, 2]] = self.canvas - 1 - placed[:, [2, 0]]
        return placed

    def _repaint(self, canvas: ImageArray) -> ImageArray:
        aug, rng = self.augmentation, self.rng
        gain = rng.uniform(1 - aug.colour, 1 + aug.colour) * rng.uniform(1 - aug.colour / 3, 1 + aug.colour / 3, 3)
        values = np.clip(canvas * gain.astype(np.float32) + np.float32(rng.uniform(-80, 80) * aug.colour), 0, 255)
        if rng.random() < aug.grey_chance:
            values = np.repeat(values.mean(axis=2, keepdims=True), 3, axis=2)
        return values.astype(np.uint8)

    def _targets(
        self, canvas: ImageArray, boxes: NDArray[np.float64], ignore: NDArray[np.float64], exhaustive: bool
    ) -> BoxSample:
        cells = self.canvas // STRIDE
        inside = boxes.clip(0, self.canvas)
        sides = inside[:, 2:] - inside[:, :2]
        full = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        kept = (sides > MIN_SIDE).all(axis=1) & (sides.prod(axis=1) > 0.3 * full)
        heat, where, box_weight = centre_targets(inside[kept], (cells, cells))
        heat_weight = np.ones((cells, cells), np.float32) if exhaustive else np.zeros((cells, cells), np.float32)
        for region, value in [*((b, 0.0) for b in [*ignore, *inside[~kept]]), *((b, 1.0) for b in inside[kept])]:
            x1, y1, x2, y2 = (np.asarray(region).clip(0, self.canvas) / STRIDE).round().astype(int)
            heat_weight[y1:y2, x1:x2] = value
        return BoxSample(np.ascontiguousarray(canvas.transpose(2, 0, 1)), heat, where, box_weight, heat_weight)
