"""A detector's training picture in the making: what is placed and laid over one another on a grey canvas, and what is
known of the people there. Boxes are (N, 4) x1 y1 x2 y2 in pixels; pixel centres are whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.augment import Region
from pose_track.datasets.cutouts import Cutout, extent, paste
from pose_track.datasets.labels import ImageLabel
from pose_track.geometry.boxes import clip_boxes
from pose_track.models.centre_boxes import PADDING_GREY, STRIDE
from pose_track.structures.frames import ImageArray, IntArray

MIN_SHOWN = 0.3  # share of a person; those of whom less is on the canvas are ignored
TOP_LAYER = 255

Boxes = NDArray[np.float64]


class Placement(NamedTuple):
    """Where a picture goes. window: w h of its part of the canvas; size: w h of the picture there, in pixels; corner:
    x y of its top left pixel, maybe outside."""

    window: IntArray
    size: IntArray
    corner: IntArray

    @property
    def shown(self) -> Region:
        """Rows and columns of the window that the picture fills."""
        (x1, y1), (x2, y2) = np.maximum(self.corner, 0), np.minimum(self.corner + self.size, self.window)
        return slice(int(y1), int(y2)), slice(int(x1), int(x2))


@dataclass(frozen=True, eq=False)
class Canvas:
    """image: (h, w, 3) uint8 RGB; boxes: (N, 4) of people, within the canvas; ignore: (M, 4) of regions that count
    neither way; known: (h / 8, w / 8) where everyone is in `boxes`; layers: (h, w) the number of the topmost thing laid
    over the picture, 0 for none; box_layers: (N,) the thing that each person is."""

    image: ImageArray
    boxes: Boxes
    ignore: Boxes
    known: NDArray[np.bool_]
    layers: NDArray[np.uint8]
    box_layers: NDArray[np.uint8]

    def covered(self) -> NDArray[np.float64]:
        """(N,) the share of each box that rectangles around later things cover."""
        shares = np.zeros(len(self.boxes))
        if self.layers.any():
            for i, (box, layer) in enumerate(zip(self.boxes, self.box_layers, strict=True)):
                pixels = self.layers[_pixels_within(box)]
                shares[i] = (pixels > layer).mean() if pixels.size else 0
        return shares


def place(image: ImageArray, label: ImageLabel, placement: Placement) -> Canvas:
    """A picture on a canvas of the window's size, which may cut it; resized as `letterbox` does for the finished
    detector. People of whom little is left are ignored."""
    width, height = placement.window.tolist()
    scale = placement.size / [image.shape[1], image.shape[0]]

    def move(boxes: Boxes) -> Boxes:
        return (boxes + 0.5) * np.tile(scale, 2) - 0.5 + np.tile(placement.corner, 2)

    boxes = move(label.boxes)
    inside = clip_boxes(boxes, (width, height))
    shown = (inside[:, 2:] - inside[:, :2]).prod(axis=1) > MIN_SHOWN * (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    ignore = clip_boxes(move(label.ignore), (width, height))
    return Canvas(
        image=_on_grey(image, placement),
        boxes=inside[shown],
        ignore=np.concatenate([ignore, inside[~shown]]),
        known=np.full((height // STRIDE, width // STRIDE), label.exhaustive),
        layers=np.zeros((height, width), np.uint8),
        box_layers=np.zeros(int(shown.sum()), np.uint8),
    )


def _on_grey(image: ImageArray, placement: Placement) -> ImageArray:
    """The resized picture where the placement says, grey around it."""
    shrinks = placement.size.prod() < image.shape[0] * image.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(image, placement.size.tolist(), interpolation=how)
    canvas = np.full((*placement.window[::-1], 3), PADDING_GREY, np.uint8)
    (rows, columns), (x, y) = placement.shown, placement.corner
    canvas[rows, columns] = resized[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
    return canvas


def lay_person(canvas: Canvas, cutout: Cutout, corner: tuple[int, int], within: Region) -> Canvas:
    """The canvas, whose picture changes, with a person in front of all else.

    corner: x y of the cut-out's top left pixel; within: the rows and columns that they may cover. Their box is that of
    what shows; where that is little of them, it is ignored.
    """
    rows, columns = within
    (x, y) = corner
    shown = paste(canvas.image[within], cutout, (x - columns.start, y - rows.start))
    if not shown.any():
        return canvas
    (top, left), layer = extent(shown), np.uint8(canvas.layers.max() + 1)
    canvas.layers[y + top.start : y + top.stop, x + left.start : x + left.stop] = layer
    edges = np.array([[x + left.start, y + top.start, x + left.stop, y + top.stop]]) - 0.5
    box = clip_boxes(edges, (canvas.image.shape[1], canvas.image.shape[0]))
    if shown.sum() <= MIN_SHOWN * (cutout.alpha >= 0.5).sum():
        return replace(canvas, ignore=np.concatenate([canvas.ignore, box]))
    return replace(canvas, boxes=np.concatenate([canvas.boxes, box]), box_layers=np.append(canvas.box_layers, layer))


def mirror(canvas: Canvas) -> Canvas:
    """The canvas with left and right exchanged."""
    boxes, ignore = canvas.boxes.copy(), canvas.ignore.copy()
    for part in (boxes, ignore):
        part[:, [0, 2]] = canvas.image.shape[1] - 1 - part[:, [2, 0]]
    image = np.asarray(cv2.flip(canvas.image, 1), np.uint8)
    return Canvas(image, boxes, ignore, canvas.known[:, ::-1], canvas.layers[:, ::-1], canvas.box_layers)


def join(rows: Sequence[Sequence[Canvas]]) -> Canvas:
    """Canvases beside and below one another as one; those of a row are of one height, the rows of one width."""
    moved, top = list[Canvas](), 0
    for row in rows:
        left = 0
        for part in row:
            corner = np.array([left, top, left, top])
            moved.append(replace(part, boxes=part.boxes + corner, ignore=part.ignore + corner))
            left += part.image.shape[1]
        top += row[0].image.shape[0]
    return Canvas(
        image=np.vstack([np.hstack([part.image for part in row]) for row in rows]),
        boxes=np.concatenate([part.boxes for part in moved]),
        ignore=np.concatenate([part.ignore for part in moved]),
        known=np.vstack([np.hstack([part.known for part in row]) for row in rows]),
        layers=np.vstack([np.hstack([part.layers for part in row]) for row in rows]),
        box_layers=np.concatenate([part.box_layers for part in moved]),
    )


def _pixels_within(box: Boxes) -> Region:
    """Rows and columns of the pixels whose centre lies within a box."""
    (x1, y1), (x2, y2) = np.ceil(box[:2]).astype(int), np.floor(box[2:]).astype(int) + 1
    return slice(y1, y2), slice(x1, x2)
