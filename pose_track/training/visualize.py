"""A picture of what a network finds in some training samples, beside what it should find."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.models.centre_boxes import decode_centres
from pose_track.models.codec import Codec
from pose_track.runtime.model_spec import Run
from pose_track.structures.frames import ImageArray

TARGET, FOUND = (0, 255, 0), (255, 0, 0)


def draw_heatmaps(run: Run, codec: Codec, images: ImageArray, targets: NDArray[np.float32]) -> ImageArray:
    """Crops in three rows: with all target maps over them, with all maps found, and with both joints, green and red.

    images: (B, H, W, 3) uint8 RGB; targets: (B, K, h, w). A joint without a target is drawn in neither.
    """
    maps = run(images)[0]
    labelled = targets.max(axis=(2, 3)) > 0
    drawn = [_overlay(image, target) for image, target in zip(images, targets, strict=True)]
    found = [
        _overlay(image, one * known[:, None, None]) for image, one, known in zip(images, maps, labelled, strict=True)
    ]
    joints = [codec.decode(heatmaps)[0] for heatmaps in (targets, maps)]
    dots = [_dots(image, where, known) for image, *where, known in zip(images, *joints, labelled, strict=True)]
    return np.vstack([np.hstack(row) for row in (drawn, found, dots)])


def _overlay(image: ImageArray, heatmaps: NDArray[np.float32]) -> ImageArray:
    """The picture, darkened, with the highest of all maps in red."""
    size = (image.shape[1], image.shape[0])
    heat = cv2.resize(heatmaps.max(axis=0).clip(0, 1), size, interpolation=cv2.INTER_LINEAR)
    shown = (0.5 * image).astype(np.float32)
    shown[:, :, 0] = np.maximum(shown[:, :, 0], 255 * heat)
    return np.asarray(shown, dtype=np.uint8)


def _dots(image: ImageArray, joints: Sequence[NDArray[np.float32]], known: NDArray[np.bool_]) -> ImageArray:
    """The picture with a line from each target joint, (K, 2) green, to the one found, red."""
    canvas = np.array(image, np.uint8, order="C")
    for target, found in np.stack(joints, axis=1)[known].round().astype(int).tolist():
        cv2.line(canvas, target, found, (255, 255, 255), 1)
        cv2.circle(canvas, target, 2, TARGET, -1)
        cv2.circle(canvas, found, 2, FOUND, -1)
    return canvas


def draw_boxes(
    run: Run, images: ImageArray, heat: NDArray[np.float32], boxes: NDArray[np.float32], min_score: float = 0.3
) -> ImageArray:
    """Canvases in one row with true boxes in green and found ones in red.

    images: (B, H, W, 3) uint8 RGB; heat: (B, h, w), 1 at the true centres; boxes: (B, 4, h, w) x1 y1 x2 y2 there.
    """
    row = []
    for image, output, centres, where in zip(images, run(images)[0], heat, boxes, strict=True):
        canvas = _rectangles(np.array(image, order="C"), where[:, centres == 1].T, TARGET)
        row.append(_rectangles(canvas, decode_centres(output, min_score, max_people=50)[0], FOUND))
    return np.hstack(row)


def _rectangles(canvas: ImageArray, boxes: Iterable[NDArray[np.float32]], colour: tuple[int, int, int]) -> ImageArray:
    for x1, y1, x2, y2 in np.rint(np.reshape(list(boxes), (-1, 4))).astype(int).tolist():
        cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, 1)
    return canvas
