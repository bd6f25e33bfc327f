"""Truncation: the image ends at a line through the person, as the border of a video cuts people off.

Joints beyond the line are known to be absent. They teach a keypoint network low scores where nothing is to be seen.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pose_track.datasets.labels import PersonLabel
from pose_track.structures.arrays import BoolArray, Float64Array, ImageArray, IntArray

SIDES = (0.175, 0.15, 0.175, 0.5)  # probabilities that the left, upper, right or lower part is cut off
KEPT = (0.35, 0.95)  # range of the share of the box that stays
MIN_SIDE = 8  # pixels; a box that would become narrower is not cut
MIN_JOINTS = 3  # labelled joints that have to stay


class TruncatedPerson(NamedTuple):
    """A person at the border of an image.

    image: (H, W, 3) what stays of the image, a view.
    label: the person in it. The box ends at the border; joints beyond it are no longer labelled.
    absent: (K,) which joints were labelled beyond the border.
    """

    image: ImageArray
    label: PersonLabel
    absent: BoolArray


def truncate(image: ImageArray, label: PersonLabel, rng: np.random.Generator) -> TruncatedPerson | None:
    """The person after a random cut of the image (H, W, 3); None if too little of the person would stay."""
    frame = _draw_frame(image.shape[:2], label.box, rng)
    low, high = frame[:2], frame[2:]
    box = np.concatenate([np.maximum(label.box[:2], low), np.minimum(label.box[2:], high)])
    labelled = label.visibility > 0
    absent = labelled & ((label.joints < low) | (label.joints >= high)).any(axis=1)
    if (box[2:] - box[:2] < MIN_SIDE).any() or (labelled & ~absent).sum() < MIN_JOINTS:
        return None
    left, top, right, bottom = frame.tolist()
    moved = replace(
        label,
        joints=label.joints - low,
        visibility=np.where(absent, 0, label.visibility),
        box=box - np.tile(low, 2),
        image_size=(right - left, bottom - top),
    )
    return TruncatedPerson(image[top:bottom, left:right], moved, absent)


def _draw_frame(shape: tuple[int, ...], box: Float64Array, rng: np.random.Generator) -> IntArray:
    """x1 y1 x2 y2 of what stays of an image of `shape` (height, width), in whole pixels."""
    side, kept = rng.choice(4, p=SIDES), rng.uniform(*KEPT)
    opposite = (side + 2) % 4
    frame = np.array([0, 0, shape[1], shape[0]])
    frame[side] = np.clip(np.rint(box[opposite] + kept * (box[side] - box[opposite])), 0, frame[2 + side % 2])
    return frame
