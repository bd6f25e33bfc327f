"""Images of training samples with a network's predictions and the targets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from pose_track.models.centre_boxes import decode_centres
from pose_track.models.codec import Codec
from pose_track.runtime.model_spec import Run
from pose_track.structures.arrays import BoolArray, Float32Array, ImageArray

TARGET_COLOUR, PREDICTION_COLOUR = (0, 255, 0), (255, 0, 0)  # green, red


def draw_heatmaps(run: Run, codec: Codec, images: ImageArray, targets: Float32Array) -> ImageArray:
    """Crops in three rows: with the target heatmaps, with the predicted heatmaps, and with both joints.

    Target joints are green and predicted ones red; unlabelled joints are not drawn.

    Args:
        run: the network.
        codec: of its heatmaps.
        images: (B, H, W, 3) uint8 RGB.
        targets: (B, K, h, w).
    """
    maps = run(images)[0]
    labelled = targets.max(axis=(2, 3)) > 0
    target_row = [_overlay(image, target) for image, target in zip(images, targets, strict=True)]
    predicted_row = [
        _overlay(image, heatmaps * known[:, None, None])
        for image, heatmaps, known in zip(images, maps, labelled, strict=True)
    ]
    joints = [codec.decode(heatmaps)[0] for heatmaps in (targets, maps)]
    joint_row = [
        _draw_joints(image, pair, known) for image, *pair, known in zip(images, *joints, labelled, strict=True)
    ]
    return np.vstack([np.hstack(row) for row in (target_row, predicted_row, joint_row)])


def _overlay(image: ImageArray, heatmaps: Float32Array) -> ImageArray:
    """The darkened image with the maximum of all heatmaps in red."""
    size = (image.shape[1], image.shape[0])
    heat = cv2.resize(heatmaps.max(axis=0).clip(0, 1), size, interpolation=cv2.INTER_LINEAR)
    overlay = (0.5 * image).astype(np.float32)
    overlay[:, :, 0] = np.maximum(overlay[:, :, 0], 255 * heat)
    return np.asarray(overlay, dtype=np.uint8)


def _draw_joints(image: ImageArray, joints: Sequence[Float32Array], labelled: BoolArray) -> ImageArray:
    """The image with a line from each target joint to the predicted one. joints: target and predicted, (K, 2) each."""
    canvas = np.array(image, np.uint8, order="C")
    for target, predicted in np.stack(joints, axis=1)[labelled].round().astype(int).tolist():
        cv2.line(canvas, target, predicted, (255, 255, 255), 1)
        cv2.circle(canvas, target, 2, TARGET_COLOUR, -1)
        cv2.circle(canvas, predicted, 2, PREDICTION_COLOUR, -1)
    return canvas


def draw_boxes(
    run: Run, images: ImageArray, heat: Float32Array, boxes: Float32Array, min_score: float = 0.3
) -> ImageArray:
    """Canvases in one row with the target boxes in green and the predicted ones in red.

    Args:
        run: the network.
        images: (B, H, W, 3) uint8 RGB.
        heat: (B, h, w) target heatmaps, 1 at the centres.
        boxes: (B, 4, h, w) target x1 y1 x2 y2 of each cell.
        min_score: of the predicted boxes.
    """
    row = []
    for image, output, centres, cell_boxes in zip(images, run(images)[0], heat, boxes, strict=True):
        canvas = _draw_rectangles(np.array(image, order="C"), cell_boxes[:, centres == 1].T, TARGET_COLOUR)
        row.append(_draw_rectangles(canvas, decode_centres(output, min_score, max_people=50)[0], PREDICTION_COLOUR))
    return np.hstack(row)


def _draw_rectangles(canvas: ImageArray, boxes: Iterable[Float32Array], colour: tuple[int, int, int]) -> ImageArray:
    for x1, y1, x2, y2 in np.rint(np.reshape(list(boxes), (-1, 4))).astype(int).tolist():
        cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, 1)
    return canvas
