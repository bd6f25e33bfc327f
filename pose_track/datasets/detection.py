"""Images with person boxes as training samples of the detector: a square canvas, and targets on a grid of stride 8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.augment import ColourJitter, Degradation, Erasing
from pose_track.datasets.cutouts import Cutouts, vary
from pose_track.datasets.detection_canvas import (
    TOP_LAYER,
    DetectionCanvas,
    Placement,
    canvas_of_image,
    flip_canvas,
    paste_person,
    tile_canvases,
)
from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import ImageLabel
from pose_track.datasets.options import check_unit_interval, option
from pose_track.models.centre_boxes import STRIDE
from pose_track.structures.arrays import Float32Array, Float64Array, ImageArray, IntArray

SPREAD = 0.54 / 6  # standard deviation of a centre's Gaussian as a fraction of the box's side (TTFNet, alpha / 6)
MIN_SIDE = 6.0  # pixels on the canvas; smaller people are ignored
MAX_COVERED = 0.7  # fraction of a box; people covered more by pasted objects are ignored
MAX_PASTED = 3  # people pasted into one image
# largest fraction of a pasted person beyond the image's border, x y: left and top, right and bottom
OVERHANG = np.array([(0.3, 0.1), (0.3, 0.4)])
PASTED_HEIGHTS = (0.15, 0.9)  # range of a pasted person's height, as fractions of the visible image's height


@dataclass(frozen=True)
class DetectionAugmentation:
    """Augmentation of a detector's training image. Raises ValueError for values out of range."""

    long_side: tuple[float, float] = option(
        (240.0, 640.0), "Range of the image's longer side on the canvas in pixels, drawn log-uniformly."
    )
    aspect: float = option(1.4, "Largest ratio by which the width is stretched against the height.")
    flip_chance: float = option(0.5, "Probability of a horizontal flip.")
    paste_chance: float = option(0.0, "Probability of a pasted person, and of each further one, up to three.")
    mosaic_chance: float = option(
        0.0, "Probability of a mosaic of four images, each reduced to its part of the canvas."
    )
    colour: ColourJitter = field(default_factory=ColourJitter, metadata={"description": "Colours of the canvas."})
    degradation: Degradation = field(
        default_factory=Degradation, metadata={"description": "Image quality of the canvas."}
    )
    erasing: Erasing = field(default_factory=Erasing, metadata={"description": "Random erasing on the canvas."})

    def __post_init__(self) -> None:
        low, high = self.long_side
        if not 1 <= low <= high:
            raise ValueError(f"long_side must be two lengths in pixels, the smaller first, got {list(self.long_side)}")
        if not self.aspect >= 1:
            raise ValueError(f"aspect must be at least 1, got {self.aspect!r}")
        check_unit_interval(self, "flip_chance", "paste_chance", "mosaic_chance")


class DetectionSample(NamedTuple):
    """A training sample on a (w, h) grid of cells.

    image: (3, S, S) uint8 RGB.
    heat: (h, w) target heatmap of the centres.
    boxes: (4, h, w) x1 y1 x2 y2 in canvas pixels of the person that a cell belongs to.
    box_weight: (h, w) weight of that box.
    heat_weight: (h, w) 0 in cells that are ignored.
    """

    image: ImageArray
    heat: Float32Array
    boxes: Float32Array
    box_weight: Float32Array
    heat_weight: Float32Array


def centre_targets(
    boxes: NDArray[np.floating], size: tuple[int, int]
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Heat (h, w), boxes (4, h, w) and box weights (h, w) of (N, 4) boxes in pixels, on a (w, h) grid of cells.

    Every box's Gaussian peaks with 1 in the cell of its centre. Smaller boxes win shared cells. The weights of a box
    that keeps all its cells sum to the logarithm of its area, so that large people do not outweigh small ones (TTFNet).

    >>> heat, cell_boxes, weight = centre_targets(np.array([[8, 8, 31, 31]]), (5, 5))
    >>> np.argwhere(heat == 1).tolist(), cell_boxes[:, 2, 2].tolist()
    ([[2, 2]], [8.0, 8.0, 31.0, 31.0])
    """
    w, h = size
    heat, weight = np.zeros((h, w), np.float32), np.zeros((h, w), np.float32)
    cell_boxes = np.zeros((4, h, w), np.float32)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for i in np.argsort(-area, kind="stable"):
        x1, y1, x2, y2 = boxes[i]
        cx, cy = ((np.array([x1 + x2, y1 + y2]) / 2 + 0.5) / STRIDE).astype(int).clip(0, (w - 1, h - 1))
        sx, sy = (max(side * SPREAD / STRIDE, 0.35) for side in (x2 - x1, y2 - y1))
        gaussian = np.outer(
            np.exp(-((np.arange(h) - cy) ** 2) / (2 * sy**2)), np.exp(-((np.arange(w) - cx) ** 2) / (2 * sx**2))
        ).astype(np.float32)
        gaussian[gaussian < 0.05] = 0
        cells = gaussian > 0
        heat = np.maximum(heat, gaussian)
        cell_boxes[:, cells] = np.array([x1, y1, x2, y2], np.float32)[:, None]
        weight[cells] = gaussian[cells] / gaussian.sum() * np.log(max(area[i], np.e))
    return heat, cell_boxes, weight


class DetectionDataset:
    """Augmented images with person boxes on a square canvas.

    Args:
        images: where the images are read from.
        labels: one sample each.
        canvas: side in pixels, a multiple of 64.
        augmentation: of the samples.
        cutouts: people to paste; needed if `augmentation.paste_chance` is above 0.

    Raises ValueError if cutouts are needed and missing. `sample` raises FileNotFoundError or ValueError naming an image
    that is missing, broken, or not of the size in its label.
    """

    def __init__(
        self,
        images: ImageStore,
        labels: Sequence[ImageLabel],
        canvas: int,
        augmentation: DetectionAugmentation,
        cutouts: Cutouts | None = None,
    ):
        if augmentation.paste_chance > 0 and cutouts is None:
            raise ValueError(
                f"paste_chance {augmentation.paste_chance!r} needs cutouts to paste; give some, or set it 0"
            )
        self.images, self.labels, self.canvas = images, labels, canvas
        self.augmentation, self.cutouts = augmentation, cutouts

    def __len__(self) -> int:
        return len(self.labels)

    def sample(self, index: int, seed: int) -> DetectionSample:
        """The sample of an image. seed: of the augmentation, not negative."""
        aug, rng = self.augmentation, np.random.default_rng([seed, index])
        window = np.array([self.canvas, self.canvas])
        mosaic = rng.random() < aug.mosaic_chance
        canvas = self._draw_mosaic(index, rng) if mosaic else self._draw_image(index, window, rng)
        if rng.random() < aug.flip_chance:
            canvas = flip_canvas(canvas)
        erased = aug.erasing(canvas.image, rng)
        if erased is not None:
            canvas.layers[erased] = TOP_LAYER
        return detection_sample(canvas, aug.degradation(aug.colour(canvas.image, rng), rng))

    def _draw_mosaic(self, index: int, rng: np.random.Generator) -> DetectionCanvas:
        """The image and three others around a point in the middle half of the canvas (Bochkovskiy et al., "YOLOv4",
        2020, section 3.3)."""
        cells = self.canvas // STRIDE
        x, y = STRIDE * rng.integers(cells // 4, cells - cells // 4 + 1, 2)
        windows = [np.array([w, h]) for h in (y, self.canvas - y) for w in (x, self.canvas - x)]
        chosen = [index, *rng.integers(len(self), size=3).tolist()]
        tiles = [self._draw_image(i, window, rng) for i, window in zip(chosen, windows, strict=True)]
        return tile_canvases([tiles[:2], tiles[2:]])

    def _draw_image(self, index: int, window: IntArray, rng: np.random.Generator) -> DetectionCanvas:
        """An image on a canvas of size `window`, w h, with up to `MAX_PASTED` pasted people."""
        label = self.labels[index]
        image = self.images.read(label.file_name, label.image_size)
        placement = self._draw_placement(np.array(image.shape[1::-1]), window, rng)
        canvas = canvas_of_image(image, label, placement)
        if self.cutouts is not None:
            for _ in range(MAX_PASTED):
                if rng.random() >= self.augmentation.paste_chance:
                    break
                canvas = _paste_random_person(canvas, placement, self.cutouts, rng)
        return canvas

    def _draw_placement(self, source: IntArray, window: IntArray, rng: np.random.Generator) -> Placement:
        """A random size and position in the window for an image of size `source`, w h."""
        aug = self.augmentation
        long_side = np.exp(rng.uniform(*np.log(aug.long_side))) * window.max() / self.canvas
        stretch = np.exp(rng.uniform(-1, 1) * np.log(aug.aspect) / 2)
        size = np.rint(source / source.max() * long_side * [stretch, 1 / stretch]).astype(np.int64).clip(1)
        room = window - size
        corner = np.rint(rng.uniform(np.minimum(room, 0), np.maximum(room, 0))).astype(np.int64)
        return Placement(window, size, corner)


def _paste_random_person(
    canvas: DetectionCanvas, placement: Placement, cutouts: Cutouts, rng: np.random.Generator
) -> DetectionCanvas:
    """The canvas with one more person, mostly within its image."""
    rows, columns = within = placement.visible
    extent = np.array([columns.stop - columns.start, rows.stop - rows.start])
    height = extent[1] * np.exp(rng.uniform(*np.log(PASTED_HEIGHTS)))
    person = vary(cutouts.draw(rng), height, canvas.image[within], rng)
    size = np.array(person.alpha.shape[::-1])
    low, high = -size * OVERHANG[0], extent - size * (1 - OVERHANG[1])
    corner = np.rint(low + rng.random(2) * (high - low)).astype(int)
    return paste_person(canvas, person, (columns.start + int(corner[0]), rows.start + int(corner[1])), within)


def detection_sample(canvas: DetectionCanvas, image: ImageArray) -> DetectionSample:
    """The sample of a canvas; tiny and mostly covered people are ignored. image: the canvas's image, augmented."""
    sides = canvas.boxes[:, 2:] - canvas.boxes[:, :2]
    used = (sides > MIN_SIDE).all(axis=1) & (canvas.covered() <= MAX_COVERED)
    heat, cell_boxes, box_weight = centre_targets(canvas.boxes[used], canvas.exhaustive.shape[::-1])
    heat_weight = canvas.exhaustive.astype(np.float32)
    for region in [*canvas.ignore, *canvas.boxes[~used]]:
        heat_weight[_cells_within(region)] = 0
    for region in canvas.boxes[used]:
        heat_weight[_cells_within(region)] = 1
    heat_weight[heat == 1] = 1  # a thin box may contain no cell centre
    return DetectionSample(np.ascontiguousarray(image.transpose(2, 0, 1)), heat, cell_boxes, box_weight, heat_weight)


def _cells_within(box: Float64Array) -> tuple[slice, slice]:
    """Rows and columns of the cells whose centres lie within a box."""
    x1, y1, x2, y2 = np.ceil((box - (STRIDE - 1) / 2) / STRIDE).astype(int).clip(0)
    return slice(y1, y2), slice(x1, x2)
