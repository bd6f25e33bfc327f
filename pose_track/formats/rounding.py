"""Decimals of the numbers in files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pose_track.structures.arrays import AnyArray, Float64Array
from pose_track.structures.frames import TrackedPoses

POSITION_DECIMALS = 2  # of pixels in a tracks.jsonl
SCORE_DECIMALS = 4


def as_recorded(tracked: TrackedPoses) -> TrackedPoses:
    """The people of a frame as a reader of their record in a `tracks.jsonl` gets them."""
    poses = replace(
        tracked.poses,
        joints=rounded(tracked.poses.joints, POSITION_DECIMALS).astype(np.float32),
        joint_scores=rounded(tracked.poses.joint_scores, SCORE_DECIMALS).astype(np.float32),
        boxes=rounded(tracked.poses.boxes, POSITION_DECIMALS).astype(np.float32),
        scores=rounded(tracked.poses.scores, SCORE_DECIMALS).astype(np.float32),
    )
    return replace(tracked, poses=poses)


def rounded(values: AnyArray, decimals: int) -> Float64Array:
    """The values in double precision, rounded to `decimals`, without any -0.0.

    >>> rounded(np.array([[1.23456, -0.0001]]), 2).tolist()
    [[1.23, 0.0]]
    """
    return np.asarray(np.round(values.astype(np.float64), decimals) + 0.0)
