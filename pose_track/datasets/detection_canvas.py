"""The canvas of a detector's training image: images and cutouts on grey, and the labels of the people there.

Boxes are (N, 4) x1 y1 x2 y2 in pixels; pixel centres are integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.augment import Region
from pose_track.datasets.cutouts import Cutout, mask_extent, paste
from pose_track.datasets.labels import ImageLabel
from pose_track.geometry.boxes import clip_boxes
from pose_track.models.centre_boxes import PADDING_GREY, STRIDE
from pose_track.structures.arrays import BoolArray, Float64Array, ImageArray, IntArray

MIN_VISIBLE = 0.3  # fraction of a person; people less visible on the canvas are ignored
TOP_LAYER = 255


class Placement(NamedTuple):
    """The place of an image on its part of a canvas.

    window: w h of the part of the canvas, in pixels.
    size: w h of the resized image, in pixels.
    corner: x y of the image's top-left pixel in the window, possibly outside.
    """

    window: IntArray
    size: IntArray
    corner: IntArray

    @property
    def visible(self) -> Region:
        """Rows and columns of the window that the image covers."""
        (x1, y1), (x2, y2) = np.maximum(self.corner, 0), np.minimum(self.corner + self.size, self.window)
        return slice(int(y1), int(y2)), slice(int(x1), int(x2))


@dataclass(frozen=True, eq=False)
class DetectionCanvas:
    """A training image of the detector before its targets are made.

    image: (h, w, 3) uint8 RGB.
    boxes: (N, 4) of people, clipped to the canvas.
    ignore: (M, 4) of regions that count neither as person nor as background.
    exhaustive: (h / 8, w / 8) cells in which every person has a box.
    layers: (h, w) number of the topmost pasted object, 0 where there is none.
    box_layers: (N,) each person's own number in `layers`.
    """

    image: ImageArray
    boxes: Float64Array
    ignore: Float64Array
    exhaustive: BoolArray
    layers: NDArray[np.uint8]
    box_layers: NDArray[np.uint8]

    def covered(self) -> Float64Array:
        """(N,) the fraction of each box covered by the rectangles of later layers."""
        fractions = np.zeros(len(self.boxes))
        if self.layers.any():
            for i, (box, layer) in enumerate(zip(self.boxes, self.box_layers, strict=True)):
                pixels = self.layers[_pixels_within(box)]
                fractions[i] = (pixels > layer).mean() if pixels.size else 0
        return fractions


def canvas_of_image(image: ImageArray, label: ImageLabel, placement: Placement) -> DetectionCanvas:
    """An image on a canvas of the window's size, which may truncate it.

    It is resized as `letterbox` does at inference. People of whom little is visible are ignored.
    """
    width, height = placement.window.tolist()
    scale = placement.size / [image.shape[1], image.shape[0]]

    def to_canvas(boxes: Float64Array) -> Float64Array:
        return (boxes + 0.5) * np.tile(scale, 2) - 0.5 + np.tile(placement.corner, 2)

    boxes = to_canvas(label.boxes)
    clipped = clip_boxes(boxes, (width, height))
    visible = (clipped[:, 2:] - clipped[:, :2]).prod(axis=1) > MIN_VISIBLE * (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    ignore = clip_boxes(to_canvas(label.ignore), (width, height))
    return DetectionCanvas(
        image=_resize_on_grey(image, placement),
        boxes=clipped[visible],
        ignore=np.concatenate([ignore, clipped[~visible]]),
        exhaustive=np.full((height // STRIDE, width // STRIDE), label.exhaustive),
        layers=np.zeros((height, width), np.uint8),
        box_layers=np.zeros(int(visible.sum()), np.uint8),
    )


def _resize_on_grey(image: ImageArray, placement: Placement) -> ImageArray:
    """The resized image at its place, with grey around it."""
    shrinks = placement.size.prod() < image.shape[0] * image.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(image, placement.size.tolist(), interpolation=interpolation)
    canvas = np.full((*placement.window[::-1], 3), PADDING_GREY, np.uint8)
    (rows, columns), (x, y) = placement.visible, placement.corner
    canvas[rows, columns] = resized[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
    return canvas


def paste_person(canvas: DetectionCanvas, cutout: Cutout, corner: tuple[int, int], within: Region) -> DetectionCanvas:
    """The canvas with a person in front of everything else; its image changes in place.

    The person's box is that of their visible pixels; if few are visible, the box is ignored.

    Args:
        canvas: to paste into.
        cutout: the person.
        corner: x y of the cutout's top-left pixel.
        within: the rows and columns that the person may cover.
    """
    rows, columns = within
    x, y = corner
    visible = paste(canvas.image[within], cutout, (x - columns.start, y - rows.start))
    if not visible.any():
        return canvas
    (top, left), layer = mask_extent(visible), np.uint8(canvas.layers.max() + 1)
    canvas.layers[y + top.start : y + top.stop, x + left.start : x + left.stop] = layer
    edges = np.array([[x + left.start, y + top.start, x + left.stop, y + top.stop]]) - 0.5
    box = clip_boxes(edges, (canvas.image.shape[1], canvas.image.shape[0]))
    if visible.sum() <= MIN_VISIBLE * (cutout.alpha >= 0.5).sum():
        return replace(canvas, ignore=np.concatenate([canvas.ignore, box]))
    return replace(canvas, boxes=np.concatenate([canvas.boxes, box]), box_layers=np.append(canvas.box_layers, layer))


def flip_canvas(canvas: DetectionCanvas) -> DetectionCanvas:
    """The canvas flipped horizontally."""
    boxes, ignore = canvas.boxes.copy(), canvas.ignore.copy()
    for regions in (boxes, ignore):
        regions[:, [0, 2]] = canvas.image.shape[1] - 1 - regions[:, [2, 0]]
    image = np.asarray(cv2.flip(canvas.image, 1), np.uint8)
    return DetectionCanvas(image, boxes, ignore, canvas.exhaustive[:, ::-1], canvas.layers[:, ::-1], canvas.box_layers)


def tile_canvases(rows: Sequence[Sequence[DetectionCanvas]]) -> DetectionCanvas:
    """Rows of canvases tiled into one. The canvases of a row have one height, the rows one width."""
    moved, top = list[DetectionCanvas](), 0
    for row in rows:
        left = 0
        for canvas in row:
            corner = np.array([left, top, left, top])
            moved.append(replace(canvas, boxes=canvas.boxes + corner, ignore=canvas.ignore + corner))
            left += canvas.image.shape[1]
        top += row[0].image.shape[0]
    return DetectionCanvas(
        image=np.vstack([np.hstack([canvas.image for canvas in row]) for row in rows]),
        boxes=np.concatenate([canvas.boxes for canvas in moved]),
        ignore=np.concatenate([canvas.ignore for canvas in moved]),
        exhaustive=np.vstack([np.hstack([canvas.exhaustive for canvas in row]) for row in rows]),
        layers=np.vstack([np.hstack([canvas.layers for canvas in row]) for row in rows]),
        box_layers=np.concatenate([canvas.box_layers for canvas in moved]),
    )


def _pixels_within(box: Float64Array) -> Region:
    """Rows and columns of the pixels whose centres lie within a box."""
    (x1, y1), (x2, y2) = np.ceil(box[:2]).astype(int), np.floor(box[2:]).astype(int) + 1
    return slice(y1, y2), slice(x1, x2)
