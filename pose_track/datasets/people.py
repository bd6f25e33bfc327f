"""Pictures with boxes as training samples of the person detector: one canvas, targets on a grid of stride 8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import ImageLabel
from pose_track.geometry.boxes import clip_boxes
from pose_track.models.centre import PADDING_GREY, STRIDE
from pose_track.types import ImageArray, IntArray

SPREAD = 0.54 / 6  # deviation of a centre's Gaussian as a share of the box's side (TTFNet, alpha / 6)
MIN_SIDE = 6.0  # pixels on the canvas; people cut down to less are ignored


@dataclass(frozen=True)
class BoxAugmentation:
    """How a training picture is changed.

    long_side: range of its longer side on the canvas in pixels, drawn log-uniformly; aspect: largest stretch of width
    against height; flip_chance: of a mirrored picture; colour: largest change of gain; grey_chance: of a picture
    without colour. Raises ValueError for values out of range.
    """

    long_side: tuple[float, float] = (240.0, 640.0)
    aspect: float = 1.4
    flip_chance: float = 0.5
    colour: float = 0.3
    grey_chance: float = 0.1

    def __post_init__(self) -> None:
        low, high = self.long_side
        if not 1 <= low <= high:
            raise ValueError(f"long_side must be two lengths in pixels, the smaller first, got {list(self.long_side)}")
        if not self.aspect >= 1:
            raise ValueError(f"aspect must be at least 1, got {self.aspect!r}")
        if not 0 <= self.colour < 1:
            raise ValueError(f"colour must be at least 0 and below 1, got {self.colour!r}")
        for name in ("flip_chance", "grey_chance"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)!r}")


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

    Every box's Gaussian peaks with 1 in the cell of its centre. Smaller boxes win shared cells. The weights of a box
    that keeps all its cells sum to the logarithm of its area, so that large people do not drown small ones (TTFNet).

    >>> heat, where, weight = centre_targets(np.array([[8, 8, 31, 31]]), (5, 5))
    >>> np.argwhere(heat == 1).tolist(), where[:, 2, 2].tolist()
    ([[2, 2]], [8.0, 8.0, 31.0, 31.0])
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

    canvas: side in pixels, a multiple of 64. The sample of one index is drawn anew at each access, from the generator
    seeded by `reseed`. Pictures that are missing or broken, or not of the size their label tells, raise
    FileNotFoundError or ValueError naming them.
    """

    def __init__(
        self,
        images: ImageStore,
        labels: Sequence[ImageLabel],
        canvas: int,
        augmentation: BoxAugmentation,
        seed: int = 0,
    ):
        self.images, self.labels, self.canvas, self.augmentation = images, labels, canvas, augmentation
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Restart the random augmentation; called for each batch, so that a resumed run draws the same pictures."""
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> BoxSample:
        label = self.labels[index]
        image = self.images.read(label.file_name)
        if image.shape[:2] != (label.height, label.width):
            told, found = f"{label.width}x{label.height}", f"{image.shape[1]}x{image.shape[0]}"
            raise ValueError(f"{self.images.path}: {label.file_name} is {found} pixels, its label says {told}")
        return self.sample(image, label)

    def sample(self, image: ImageArray, label: ImageLabel) -> BoxSample:
        """One augmented sample of a picture."""
        source = np.array([image.shape[1], image.shape[0]])
        size, corner, flip = self._draw_placement(source)
        canvas = self._paste(image, size, corner)
        boxes, ignore = (self._place(b, size / source, corner, flip) for b in (label.boxes, label.ignore))
        if flip:
            canvas = canvas[:, ::-1]
        return self._targets(self._repaint(canvas), boxes, ignore, label.exhaustive)

    def _draw_placement(self, source: IntArray) -> tuple[IntArray, IntArray, bool]:
        """Size w h on the canvas of a picture of size `source`, the place x y of its top left pixel there, and whether
        to mirror."""
        aug, rng = self.augmentation, self.rng
        factor = np.exp(rng.uniform(*np.log(aug.long_side))) / source.max()
        stretch = np.exp(rng.uniform(-1, 1) * np.log(aug.aspect) / 2)
        size = np.maximum(1, np.rint(source * factor * [stretch, 1 / stretch])).astype(np.int64)
        room = self.canvas - size
        corner = np.rint(rng.uniform(np.minimum(room, 0), np.maximum(room, 0))).astype(np.int64)
        return size, corner, bool(rng.random() < aug.flip_chance)

    def _paste(self, image: ImageArray, size: IntArray, corner: IntArray) -> ImageArray:
        """The picture resized as `letterbox` does for the finished detector, on a grey canvas that may cut it."""
        shrinks = size.prod() < image.shape[0] * image.shape[1]
        resized = cv2.resize(image, size.tolist(), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        canvas = np.full((self.canvas, self.canvas, 3), PADDING_GREY, np.uint8)
        (x1, y1), (x2, y2) = np.maximum(corner, 0), np.minimum(corner + size, self.canvas)
        canvas[y1:y2, x1:x2] = resized[y1 - corner[1] : y2 - corner[1], x1 - corner[0] : x2 - corner[0]]
        return canvas

    def _place(
        self, boxes: NDArray[np.float64], scale: NDArray[np.float64], corner: IntArray, flip: bool
    ) -> NDArray[np.float64]:
        """Boxes of the picture as boxes of the canvas; pixel centres are whole numbers in both."""
        placed = (boxes + 0.5) * np.tile(scale, 2) - 0.5 + np.tile(corner, 2)
        if flip:
            placed[:, [0, 2]] = self.canvas - 1 - placed[:, [2, 0]]
        return placed

    def _repaint(self, canvas: ImageArray) -> ImageArray:
        aug, rng = self.augmentation, self.rng
        gain = rng.uniform(1 - aug.colour, 1 + aug.colour) * rng.uniform(1 - aug.colour / 3, 1 + aug.colour / 3, 3)
        offset = np.float32(rng.uniform(-80, 80) * aug.colour)
        values: NDArray[np.float32] = np.clip(canvas * gain.astype(np.float32) + offset, 0, 255)
        if rng.random() < aug.grey_chance:
            values = np.repeat(values.mean(axis=2, keepdims=True), 3, axis=2)
        painted: ImageArray = values.astype(np.uint8)
        return painted

    def _targets(
        self, canvas: ImageArray, boxes: NDArray[np.float64], ignore: NDArray[np.float64], exhaustive: bool
    ) -> BoxSample:
        """The sample of a canvas; people of whom little is left on it, or who are tiny there, are ignored."""
        cells = self.canvas // STRIDE
        inside = clip_boxes(boxes, (self.canvas, self.canvas))
        sides = inside[:, 2:] - inside[:, :2]
        full = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        kept = (sides > MIN_SIDE).all(axis=1) & (sides.prod(axis=1) > 0.3 * full)
        heat, where, box_weight = centre_targets(inside[kept], (cells, cells))
        heat_weight = np.full((cells, cells), float(exhaustive), np.float32)
        for region in [*clip_boxes(ignore, (self.canvas, self.canvas)), *inside[~kept]]:
            heat_weight[_cells_within(region)] = 0
        for region in inside[kept]:
            heat_weight[_cells_within(region)] = 1
        heat_weight[heat == 1] = 1  # a box may be so thin that no cell has its middle within
        return BoxSample(np.ascontiguousarray(canvas.transpose(2, 0, 1)), heat, where, box_weight, heat_weight)


def _cells_within(box: NDArray[np.float64]) -> tuple[slice, slice]:
    """Rows and columns of the cells whose middle lies within a box."""
    x1, y1, x2, y2 = np.ceil((box - (STRIDE - 1) / 2) / STRIDE).astype(int).clip(0)
    return slice(y1, y2), slice(x1, x2)
