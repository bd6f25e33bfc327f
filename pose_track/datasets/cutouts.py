"""Copy-paste augmentation: people cut out of their images along a mask, and pasted into other images.

Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation Method for Instance Segmentation", CVPR 2021.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from pose_track.datasets.annotations import JsonObject, OnBroken, read_entries, read_json
from pose_track.datasets.augment import ColourJitter, Degradation, Region
from pose_track.datasets.coco import CocoFile, image_name, is_crowd, required_image_size
from pose_track.datasets.images import ImageStore
from pose_track.structures.arrays import BoolArray, Float32Array, Float64Array, ImageArray

MIN_HEIGHT = 64  # pixels; smaller people are too blurred to be enlarged
MAX_STRETCH = 1.15  # largest ratio by which a pasted person's height is stretched against the width
MAX_MATCH = 0.8  # how far the brightness moves towards that of the background; 1 is all the way
MAX_GAIN = 3.0  # largest brightness ratio between background and person
GREY_SPREAD = 6  # grey levels between the channels; below that a background is greyscale
LIGHT = ColourJitter(gain=0.15, channel_gain=0.08, offset=10)
SHARPNESS = Degradation(low_resolution_chance=0.6, low_resolution=0.3)


@dataclass(frozen=True, eq=False)
class Outline:
    """The outline of a person.

    file_name: of the image.
    box: (4,) x1 y1 x2 y2 in pixels.
    segmentation: COCO's polygons or run-length encoding, or the name of a mask image of the same size, white on people.
    image_size: width and height that the annotation file declares.
    """

    file_name: str
    box: Float64Array
    segmentation: Any
    image_size: tuple[int, int] | None = None


class Cutout(NamedTuple):
    """A person cut out of an image. image: (H, W, 3) uint8 RGB; alpha: (H, W) float32, 1 on the person, 0 elsewhere."""

    image: ImageArray
    alpha: Float32Array


def load_outlines(path: Path, on_broken: OnBroken = "stop") -> list[Outline]:
    """The people of a COCO-format file with a mask, which is their "segmentation" or the "mask_file" of their image.

    Crowds, people less than 64 pixels high and people at the image border, who may be truncated, are left out.
    on_broken: what happens to a broken annotation, see `read_entries`. Raises FileNotFoundError, or ValueError naming
    the broken annotation.
    """
    file = CocoFile(path, read_json(path))

    def read(annotation: JsonObject) -> Outline | None:
        if not file.is_person(annotation):
            return None
        image, box = file.image(annotation), file.box(annotation)
        segmentation = annotation.get("segmentation") or image.get("mask_file")
        if not segmentation or is_crowd(annotation):
            return None
        if not _is_outline(segmentation):
            raise ValueError(
                f"has a segmentation that is neither polygons nor run-length encoding, {reprlib.repr(segmentation)}"
            )
        file_name, size = image_name(image), required_image_size(image)
        untruncated = (box[:2] >= 1).all() and (box[2:] < np.subtract(size, 1)).all()
        return Outline(file_name, box, segmentation, size) if untruncated and box[3] - box[1] >= MIN_HEIGHT else None

    return read_entries(path, file.annotations(), read, on_broken)


def _is_outline(segmentation: object) -> bool:
    """Whether it is a mask file name, COCO's run-length encoding, or polygons of at least three corners."""
    if isinstance(segmentation, list):
        return all(isinstance(part, list) and len(part) >= 6 and len(part) % 2 == 0 for part in segmentation)
    return isinstance(segmentation, str) or (isinstance(segmentation, dict) and {"size", "counts"} <= set(segmentation))


class Cutouts:
    """A collection of people to paste.

    Raises ValueError if `outlines` is empty. `draw` and `read` raise FileNotFoundError or ValueError naming a missing
    or broken image or mask, or a mask that does not fit its image.
    """

    def __init__(self, images: ImageStore, outlines: Sequence[Outline]):
        if not outlines:
            raise ValueError(f"{images.path}: no person with a mask to cut out; leave these cutouts out")
        self.images, self.outlines = images, outlines

    def __len__(self) -> int:
        return len(self.outlines)

    def draw(self, rng: np.random.Generator) -> Cutout:
        """A random person."""
        return self.read(int(rng.integers(len(self))))

    def read(self, index: int) -> Cutout:
        """The person of one outline, cropped to the mask."""
        outline = self.outlines[index]
        image = self.images.read(outline.file_name, outline.image_size)
        mask = self._mask(outline, image.shape[:2])
        rows, columns = mask_extent(mask)
        return Cutout(image[rows, columns], mask[rows, columns].astype(np.float32))

    def _mask(self, outline: Outline, shape: tuple[int, ...]) -> BoolArray:
        """(H, W) the person's mask in an image of `shape`, limited to the outline's box."""
        if isinstance(outline.segmentation, str):
            mask = self.images.read(outline.segmentation)[:, :, 0] > 127
        else:
            mask = decode_segmentation(outline.segmentation, shape[0], shape[1])
        if mask.shape != shape:
            raise ValueError(f"{self.images.path}: the mask of {outline.file_name} has another size than the image")
        inside = np.zeros_like(mask)
        (x1, y1), (x2, y2) = np.ceil(outline.box[:2]).astype(int), np.floor(outline.box[2:]).astype(int) + 1
        inside[y1:y2, x1:x2] = mask[y1:y2, x1:x2]
        if not inside.any():
            raise ValueError(f"{self.images.path}: the mask of {outline.file_name} is empty; remove it")
        return inside


def decode_segmentation(segmentation: Any, height: int, width: int) -> BoolArray:
    """(height, width) mask of COCO's polygons, a list of lists x y x y ..., or of its run-length encoding.

    The run-length encoding may be compressed or not.

    >>> decode_segmentation([[1, 0, 3, 0, 3, 2, 1, 2]], 3, 4).astype(int).tolist()
    [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    """
    from pycocotools import mask as coco_mask

    compressed = isinstance(segmentation, dict) and isinstance(segmentation["counts"], str | bytes)
    runs = segmentation if compressed else coco_mask.frPyObjects(segmentation, height, width)
    mask = coco_mask.decode(coco_mask.merge(runs) if isinstance(runs, list) else runs)
    return np.asarray(mask, np.bool_)


def mask_extent(mask: BoolArray) -> Region:
    """The rows and columns of a non-empty mask's bounding box.

    >>> mask_extent(np.array([[0, 0, 0], [0, 1, 0], [0, 1, 1]], bool))
    (slice(1, 3, None), slice(1, 3, None))
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def vary(cutout: Cutout, height: float, background: ImageArray, rng: np.random.Generator) -> Cutout:
    """A variant of a cutout that fits the image it is pasted into.

    It is `height` pixels high, stretched a little, randomly flipped, with varied colours matched to the background, no
    sharper than plausible there, and with a soft edge.
    """
    stretch = np.exp(rng.uniform(-1, 1) * np.log(MAX_STRETCH))
    old_height, old_width = cutout.alpha.shape
    size = max(1, round(old_width * height / old_height / stretch)), max(1, round(height))
    interpolation = cv2.INTER_AREA if height < old_height else cv2.INTER_LINEAR
    image, alpha = (cv2.resize(layer, size, interpolation=interpolation) for layer in cutout)
    if rng.random() < 0.5:
        image, alpha = cv2.flip(image, 1), cv2.flip(alpha, 1)
    image = LIGHT(_match_colours(np.asarray(image, np.uint8), background, rng), rng)
    return Cutout(SHARPNESS(image, rng), soften(np.asarray(alpha, np.float32)))


def _match_colours(image: ImageArray, background: ImageArray, rng: np.random.Generator) -> ImageArray:
    """The image with its brightness moved towards the background's, and greyscale if the background is.

    No person should stand out by brightness or colour alone.
    """
    sparse = background[::4, ::4].astype(np.int64)
    if np.ptp(sparse, axis=2).mean() < GREY_SPREAD:
        image = ColourJitter(grey_chance=1)(image, rng)
    gain = np.clip((sparse.mean() + 1) / (image.mean() + 1), 1 / MAX_GAIN, MAX_GAIN) ** rng.uniform(0, MAX_MATCH)
    return np.asarray(cv2.convertScaleAbs(image, alpha=float(gain)), np.uint8)


def soften(alpha: Float32Array) -> Float32Array:
    """The alpha channel with its outermost pixels halved, which hides hard edges and rims of the old background.

    >>> soften(np.ones((3, 3), np.float32)).round(2).tolist()[1]
    [0.5, 1.0, 0.5]
    """
    blurred = cv2.blur(alpha, (3, 3), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(np.clip(1.5 * blurred - 0.5, 0, 1), np.float32)


def paste(image: ImageArray, cutout: Cutout, corner: tuple[int, int]) -> BoolArray:
    """Paste a cutout into the image in place; returns (H, W) which of the cutout's pixels are visible.

    corner: x y of the cutout's top-left pixel in the image; what lies outside the image is clipped.
    """
    visible = np.zeros(cutout.alpha.shape, np.bool_)
    (x, y), (height, width) = corner, image.shape[:2]
    rows = slice(max(0, -y), max(0, height - y))
    columns = slice(max(0, -x), max(0, width - x))
    alpha = cutout.alpha[rows, columns]
    if alpha.size:
        target = slice(max(0, y), max(0, y) + alpha.shape[0]), slice(max(0, x), max(0, x) + alpha.shape[1])
        image[target] = cv2.blendLinear(cutout.image[rows, columns], image[target], alpha, 1 - alpha)
        visible[rows, columns] = alpha >= 0.5
    return visible
