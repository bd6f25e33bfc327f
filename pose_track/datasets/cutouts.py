"""People cut out of their pictures along a known outline, and pasted into others (Ghiasi et al., "Simple Copy-Paste is
a Strong Data Augmentation Method for Instance Segmentation", CVPR 2021)."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from pose_track.datasets.annotations import Note, OnBroken, fields, read_entries, read_json
from pose_track.datasets.augment import ColourJitter, Degradation, Region
from pose_track.datasets.coco import CocoFile
from pose_track.datasets.images import ImageStore
from pose_track.structures.frames import ImageArray

MIN_HEIGHT = 64  # pixels of a person to be cut out; smaller ones are too blurred to be enlarged
MAX_STRETCH = 1.15  # of a pasted person's height against the width
MAX_MATCH = 0.8  # how far the brightness goes towards that of the background, 1 for wholly
MAX_GAIN = 3.0  # of the background's brightness over that of the person, or the other way round
GREY_SPREAD = 6  # grey levels between the channels; a background of less has no colour
LIGHT = ColourJitter(gain=0.15, channel_gain=0.08, offset=10)
SHARPNESS = Degradation(low_resolution_chance=0.6, low_resolution=0.3)

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Outline:
    """Where a person ends. box: (4,) x1 y1 x2 y2 in pixels; segmentation: COCO's polygons or runs, or the name of a
    picture of the same size that is white on people."""

    file_name: str
    box: NDArray[np.float64]
    segmentation: Any


class Cutout(NamedTuple):
    """A person without what is around. image: (H, W, 3) uint8 RGB; alpha: (H, W) float32, 1 on the person, 0 beside."""

    image: ImageArray
    alpha: NDArray[np.float32]


def load_outlines(path: Path, on_broken: OnBroken = "stop") -> list[Outline]:
    """The people of a COCO-format file whose outline is told, by their "segmentation" or by the "mask_file" of their
    picture; without crowds, people less than 64 pixels high, and those whom the picture's edge may cut.

    on_broken: what becomes of an annotation at fault, see `read_entries`. Raises FileNotFoundError, or ValueError
    naming the annotation that is at fault.
    """
    file = CocoFile(path, read_json(path))

    def read(note: Note) -> Outline | None:
        image, box = file.image(note), file.box(note)
        segmentation = note.get("segmentation") or image.get("mask_file")
        if not segmentation or note.get("iscrowd"):
            return None
        if not _is_outline(segmentation):
            raise ValueError(f"has a segmentation that is neither polygons nor runs, {reprlib.repr(segmentation)}")
        file_name, width, height = fields(image, "file_name", "width", "height")
        whole = (box[:2] >= 1).all() and (box[2:] < (width - 1, height - 1)).all()
        return Outline(file_name, box, segmentation) if whole and box[3] - box[1] >= MIN_HEIGHT else None

    return read_entries(path, file.people(), read, on_broken)


def _is_outline(segmentation: object) -> bool:
    """Whether it is the name of a mask, COCO's runs, or polygons of three corners or more."""
    if isinstance(segmentation, list):
        return all(isinstance(part, list) and len(part) >= 6 and len(part) % 2 == 0 for part in segmentation)
    return isinstance(segmentation, str) or (isinstance(segmentation, dict) and {"size", "counts"} <= set(segmentation))


class Cutouts:
    """Draws people to paste.

    Raises ValueError where there are none. Pictures and masks that are missing or broken, or do not fit one another,
    raise FileNotFoundError or ValueError naming them once they are drawn.
    """

    def __init__(self, images: ImageStore, outlines: Sequence[Outline]):
        if not outlines:
            raise ValueError(f"{images.path}: no person of known outline to cut out; leave these cut-outs away")
        self.images, self.outlines = images, outlines

    def __len__(self) -> int:
        return len(self.outlines)

    def draw(self, rng: np.random.Generator) -> Cutout:
        """One of the people."""
        return self.read(int(rng.integers(len(self))))

    def read(self, index: int) -> Cutout:
        """The person of one outline, cut close."""
        outline = self.outlines[index]
        image = self.images.read(outline.file_name)
        mask = self._mask(outline, image.shape[:2])
        rows, columns = extent(mask)
        return Cutout(image[rows, columns], mask[rows, columns].astype(np.float32))

    def _mask(self, outline: Outline, shape: tuple[int, ...]) -> Mask:
        """Which pixels of a picture of `shape` are the person."""
        if isinstance(outline.segmentation, str):
            mask = self.images.read(outline.segmentation)[:, :, 0] > 127
        else:
            mask = decode_segmentation(outline.segmentation, shape[0], shape[1])
        if mask.shape != shape:
            raise ValueError(f"{self.images.path}: the mask of {outline.file_name} is of another size than the picture")
        inside = np.zeros_like(mask)
        (x1, y1), (x2, y2) = np.ceil(outline.box[:2]).astype(int), np.floor(outline.box[2:]).astype(int) + 1
        inside[y1:y2, x1:x2] = mask[y1:y2, x1:x2]
        if not inside.any():
            raise ValueError(f"{self.images.path}: the mask of {outline.file_name} is empty; remove it")
        return inside


def decode_segmentation(segmentation: Any, height: int, width: int) -> Mask:
    """(height, width) mask of COCO's polygons, a list of lists x y x y ..., or of its runs, packed or not.

    >>> decode_segmentation([[1, 0, 3, 0, 3, 2, 1, 2]], 3, 4).astype(int).tolist()
    [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    """
    packed = isinstance(segmentation, dict) and isinstance(segmentation["counts"], str | bytes)
    runs = segmentation if packed else coco_mask.frPyObjects(segmentation, height, width)
    mask = coco_mask.decode(coco_mask.merge(runs) if isinstance(runs, list) else runs)
    return np.asarray(mask, np.bool_)


def extent(mask: Mask) -> Region:
    """Rows and columns from the first to the last that are not empty, of a mask that is not.

    >>> extent(np.array([[0, 0, 0], [0, 1, 0], [0, 1, 1]], bool))
    (slice(1, 3, None), slice(1, 3, None))
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def vary(cutout: Cutout, height: float, background: ImageArray, rng: np.random.Generator) -> Cutout:
    """The cut-out as if taken with the picture it is pasted into: `height` pixels high, stretched a little, mirrored or
    not, in other light, no sharper than it might be there, and with a soft edge."""
    stretch = np.exp(rng.uniform(-1, 1) * np.log(MAX_STRETCH))
    old_height, old_width = cutout.alpha.shape
    size = max(1, round(old_width * height / old_height / stretch)), max(1, round(height))
    how = cv2.INTER_AREA if height < old_height else cv2.INTER_LINEAR
    image, alpha = (cv2.resize(part, size, interpolation=how) for part in cutout)
    if rng.random() < 0.5:
        image, alpha = cv2.flip(image, 1), cv2.flip(alpha, 1)
    image = LIGHT(_match(np.asarray(image, np.uint8), background, rng), rng)
    return Cutout(SHARPNESS(image, rng), soften(np.asarray(alpha, np.float32)))


def _match(image: ImageArray, background: ImageArray, rng: np.random.Generator) -> ImageArray:
    """The picture with a brightness between its own and that of the background, and without colour where that has
    none: nobody should be found by being brighter, or in colour, alone."""
    sparse = background[::4, ::4].astype(np.int64)
    if np.ptp(sparse, axis=2).mean() < GREY_SPREAD:
        image = ColourJitter(grey_chance=1)(image, rng)
    gain = np.clip((sparse.mean() + 1) / (image.mean() + 1), 1 / MAX_GAIN, MAX_GAIN) ** rng.uniform(0, MAX_MATCH)
    return np.asarray(cv2.convertScaleAbs(image, alpha=float(gain)), np.uint8)


def soften(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half of the outermost pixel is given away, so that neither a hard edge nor a rim of the old background shows.

    >>> soften(np.ones((3, 3), np.float32)).round(2).tolist()[1]
    [0.5, 1.0, 0.5]
    """
    blurred = cv2.blur(alpha, (3, 3), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(np.clip(1.5 * blurred - 0.5, 0, 1), np.float32)


def paste(image: ImageArray, cutout: Cutout, corner: tuple[int, int]) -> Mask:
    """Lay a cut-out over the picture itself; returns (H, W) which of the cut-out's pixels show there.

    corner: x y in the picture of its top left pixel; what is outside of the picture is cut off.
    """
    shown = np.zeros(cutout.alpha.shape, np.bool_)
    (x, y), (height, width) = corner, image.shape[:2]
    rows = slice(max(0, -y), max(0, height - y))
    columns = slice(max(0, -x), max(0, width - x))
    alpha = cutout.alpha[rows, columns]
    if alpha.size:
        there = slice(max(0, y), max(0, y) + alpha.shape[0]), slice(max(0, x), max(0, x) + alpha.shape[1])
        image[there] = cv2.blendLinear(cutout.image[rows, columns], image[there], alpha, 1 - alpha)
        shown[rows, columns] = alpha >= 0.5
    return shown
