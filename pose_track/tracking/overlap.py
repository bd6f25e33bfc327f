"""Which people stand apart from all others, so that what is seen of them is theirs."""

from __future__ import annotations

import numpy as np

from pose_track.geometry.boxes import iou_matrix
from pose_track.structures.arrays import BoolArray, IntArray
from pose_track.structures.frames import Poses
from pose_track.tracking.tracks import Tracks

# Highest IoU of people who stand apart. At 0.1 dancers in a row are never apart, and their appearance is out of date.
_MAX_IOU = 0.3

# A person missed for less than this time may still be behind another one, or in the same box.
_HIDDEN_SECONDS = 1.0


def stand_apart(tracks: Tracks, poses: Poses, rows: IntArray, cols: IntArray, seconds: float) -> BoolArray:
    """(P,) whether the pose of each matched pair, track `rows[i]` and pose `cols[i]`, stands apart: its box overlaps
    neither that of another pose nor the predicted box of a person missed for less than a second.

    seconds: the time of the poses.
    """
    iou = iou_matrix(poses.boxes[cols], poses.boxes)  # (P, N)
    iou[np.arange(len(cols)), cols] = 0
    is_hidden = seconds - tracks.motion.seconds < _HIDDEN_SECONDS
    is_hidden[rows] = False
    if not is_hidden.any():
        return np.asarray((iou < _MAX_IOU).all(axis=1))
    hidden = tracks[is_hidden]
    predicted = hidden.boxes + np.tile(hidden.predicted_displacement(seconds), 2)
    all_iou = np.concatenate([iou, iou_matrix(poses.boxes[cols], predicted)], axis=1)
    return np.asarray((all_iou < _MAX_IOU).all(axis=1))
