"""Pictures with boxes as training samples of the person detector: one canvas, targets on a grid of stride 8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.augment import ColourJitter, Degradation, Erasing, check_chances
from pose_track.datasets.cutouts import Cutouts, vary
from pose_track.datasets.detection_canvas import TOP_LAYER, Canvas, Placement, join, lay_person, mirror, place
from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import ImageLabel
from pose_track.models.centre_boxes import STRIDE
from pose_track.structures.frames import ImageArray, IntArray

SPREAD = 0.54 / 6  # deviation of a centre's Gaussian as a share of the box's side (TTFNet, alpha / 6)
MIN_SIDE = 6.0  # pixels on the canvas; people cut down to less are ignored
MAX_COVERED = 0.7  # share of a box; people more covered by what was laid over them are ignored
MAX_PASTED = 3  # people into one picture
OVERHANG = np.array([(0.3, 0.1), (0.3, 0.4)])  # of a pasted person, most in x y beyond left and top, right and bottom
PASTED_HEIGHTS = (0.15, 0.9)  # of a pasted person, as a share of what the canvas shows of the picture's height


@dataclass(frozen=True)
class BoxAugmentation:
    """How a training picture is changed.

    long_side: range of its longer side on the canvas in pixels, drawn log-uniformly; aspect: largest stretch of width
    against height; flip_chance: of a mirrored picture; paste_chance: of a person pasted into it, and of each further
    one, up to three; mosaic_chance: of four pictures on one canvas, each as much smaller as its part of it; colour,
    degradation and erasing: of the whole canvas. Raises ValueError for values out of range.
    """

    long_side: tuple[float, float] = (240.0, 640.0)
    aspect: float = 1.4
    flip_chance: float = 0.5
    paste_chance: float = 0.0
    mosaic_chance: float = 0.0
    colour: ColourJitter = field(default_factory=ColourJitter)
    degradation: Degradation = field(default_factory=Degradation)
    erasing: Erasing = field(default_factory=Erasing)

    def __post_init__(self) -> None:
        low, high = self.long_side
        if not 1 <= low <= high:
            raise ValueError(f"long_side must be two lengths in pixels, the smaller first, got {list(self.long_side)}")
        if not self.aspect >= 1:
            raise ValueError(f"aspect must be at least 1, got {self.aspect!r}")
        check_chances(self, "flip_chance", "paste_chance", "mosaic_chance")


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

    canvas: side in pixels, a multiple of 64; cutouts: people to paste. Raises ValueError where people are to be pasted
    and there are none. Pictures that are missing or broken, or not of the size their label tells, raise
    FileNotFoundError or ValueError naming them once they are drawn.
    """

    def __init__(
        self,
        images: ImageStore,
        labels: Sequence[ImageLabel],
        canvas: int,
        augmentation: BoxAugmentation,
        cutouts: Cutouts | None = None,
    ):
        if augmentation.paste_chance > 0 and cutouts is None:
            raise ValueError(f"paste_chance {augmentation.paste_chance!r} needs people to paste; give cut-outs, or 0")
        self.images, self.labels, self.canvas = images, labels, canvas
        self.augmentation, self.cutouts = augmentation, cutouts

    def __len__(self) -> int:
        return len(self.labels)

    def sample(self, index: int, seed: int) -> BoxSample:
        """The picture of an index, with the changes that `seed`, not negative, draws for it."""
        aug, rng = self.augmentation, np.random.default_rng([seed, index])
        whole = np.array([self.canvas, self.canvas])
        mosaic = rng.random() < aug.mosaic_chance
        canvas = self._draw_mosaic(index, rng) if mosaic else self._draw_picture(index, whole, rng)
        if rng.random() < aug.flip_chance:
            canvas = mirror(canvas)
        erased = aug.erasing(canvas.image, rng)
        if erased is not None:
            canvas.layers[erased] = TOP_LAYER
        return box_sample(canvas, aug.degradation(aug.colour(canvas.image, rng), rng))

    def _draw_mosaic(self, index: int, rng: np.random.Generator) -> Canvas:
        """The picture and three others around a point in the middle half of the canvas (Bochkovskiy et al., "YOLOv4",
        2020, section 3.3)."""
        cells = self.canvas // STRIDE
        x, y = STRIDE * rng.integers(cells // 4, cells - cells // 4 + 1, 2)
        windows = [np.array([w, h]) for h in (y, self.canvas - y) for w in (x, self.canvas - x)]
        chosen = [index, *rng.integers(len(self), size=3).tolist()]
        parts = [self._draw_picture(i, window, rng) for i, window in zip(chosen, windows, strict=True)]
        return join([parts[:2], parts[2:]])

    def _draw_picture(self, index: int, window: IntArray, rng: np.random.Generator) -> Canvas:
        """A picture on a canvas of size `window`, w h, maybe with further people."""
        label = self.labels[index]
        image = self._read(label)
        placement = self._draw_placement(np.array(image.shape[1::-1]), window, rng)
        canvas = place(image, label, placement)
        if self.cutouts is not None:
            for _ in range(MAX_PASTED):
                if rng.random() >= self.augmentation.paste_chance:
                    break
                canvas = _paste_person(canvas, placement, self.cutouts, rng)
        return canvas

    def _read(self, label: ImageLabel) -> ImageArray:
        image = self.images.read(label.file_name)
        if image.shape[:2] != (label.height, label.width):
            told, found = f"{label.width}x{label.height}", f"{image.shape[1]}x{image.shape[0]}"
            raise ValueError(f"{self.images.path}: {label.file_name} is {found} pixels, its label says {told}")
        return image

    def _draw_placement(self, source: IntArray, window: IntArray, rng: np.random.Generator) -> Placement:
        """Where in the window a picture of size `source`, w h, goes."""
        aug = self.augmentation
        long_side = np.exp(rng.uniform(*np.log(aug.long_side))) * window.max() / self.canvas
        stretch = np.exp(rng.uniform(-1, 1) * np.log(aug.aspect) / 2)
        size = np.rint(source / source.max() * long_side * [stretch, 1 / stretch]).astype(np.int64).clip(1)
        room = window - size
        corner = np.rint(rng.uniform(np.minimum(room, 0), np.maximum(room, 0))).astype(np.int64)
        return Placement(window, size, corner)


def _paste_person(canvas: Canvas, placement: Placement, cutouts: Cutouts, rng: np.random.Generator) -> Canvas:
    """The canvas with one more person on its picture, most of whom is within it."""
    rows, columns = within = placement.shown
    extent = np.array([columns.stop - columns.start, rows.stop - rows.start])
    height = extent[1] * np.exp(rng.uniform(*np.log(PASTED_HEIGHTS)))
    person = vary(cutouts.draw(rng), height, canvas.image[within], rng)
    size = np.array(person.alpha.shape[::-1])
    low, high = -size * OVERHANG[0], extent - size * (1 - OVERHANG[1])
    corner = np.rint(low + rng.random(2) * (high - low)).astype(int)
    return lay_person(canvas, person, (columns.start + int(corner[0]), rows.start + int(corner[1])), within)


def box_sample(canvas: Canvas, image: ImageArray) -> BoxSample:
    """The targets of a canvas, whose picture looks like `image` by now; people who are tiny or mostly covered there
    are ignored."""
    sides = canvas.boxes[:, 2:] - canvas.boxes[:, :2]
    kept = (sides > MIN_SIDE).all(axis=1) & (canvas.covered() <= MAX_COVERED)
    heat, where, box_weight = centre_targets(canvas.boxes[kept], canvas.known.shape[::-1])
    heat_weight = canvas.known.astype(np.float32)
    for region in [*canvas.ignore, *canvas.boxes[~kept]]:
        heat_weight[_cells_within(region)] = 0
    for region in canvas.boxes[kept]:
        heat_weight[_cells_within(region)] = 1
    heat_weight[heat == 1] = 1  # a box may be so thin that no cell has its middle within
    return BoxSample(np.ascontiguousarray(image.transpose(2, 0, 1)), heat, where, box_weight, heat_weight)


def _cells_within(box: NDArray[np.float64]) -> tuple[slice, slice]:
    """Rows and columns of the cells whose middle lies within a box."""
    x1, y1, x2, y2 = np.ceil((box - (STRIDE - 1) / 2) / STRIDE).astype(int).clip(0)
    return slice(y1, y2), slice(x1, x2)
