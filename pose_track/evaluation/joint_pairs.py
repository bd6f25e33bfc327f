"""Pairs of gt and predicted joints that are close to each other, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from pose_track.evaluation.instances import Instances
from pose_track.structures.arrays import BoolArray, Float64Array, IntArray

MATCH_DISTANCE = 0.5  # head sizes; a joint up to this distance is correct (poseval)
MAX_DISTANCE = 0.5001  # head sizes; two joints at this distance or farther have similarity 0 (PoseTrack21's HOTA)
_BLOCK = 4096  # pairs of people processed at a time, so that the arrays stay in the processor's cache


@dataclass(frozen=True, eq=False)
class JointPairs:
    """C pairs of joints of one type in one frame, closer than MAX_DISTANCE, sorted by gt, prediction, joint.

    gt, prediction: (C,) indices of the two people.
    joint: (C,) joint index.
    distance: (C,) in head sizes.
    """

    gt: IntArray
    prediction: IntArray
    joint: IntArray
    distance: Float64Array

    def __getitem__(self, keep: BoolArray) -> JointPairs:
        rows = np.flatnonzero(keep)
        return JointPairs(*(getattr(self, f.name)[rows] for f in fields(self)))


def find_joint_pairs(gt: Instances, prediction: Instances, num_frames: int) -> JointPairs:
    """All pairs. Distances are in head sizes of the gt person, who matches nobody if the head size is missing.

    Memory and time grow with the number of pairs of people in the same frame.
    """
    gt_rows, prediction_rows = same_frame_pairs(gt.frame, prediction.frame, num_frames)
    (gx, gy), (px, py) = np.moveaxis(gt.joints, 2, 0), np.moveaxis(prediction.joints, 2, 0)
    gx, gy, px, py = (np.ascontiguousarray(v) for v in (gx, gy, px, py))  # (people, 15)
    blocks: list[tuple[IntArray, IntArray, Float64Array]] = [_empty_block()]
    for start in range(0, len(gt_rows), _BLOCK):
        g, p = gt_rows[start : start + _BLOCK], prediction_rows[start : start + _BLOCK]
        x, y = gx[g], gy[g]  # (block, 15)
        x -= px[p]
        y -= py[p]
        x *= x
        y *= y
        x += y
        distance = np.sqrt(x, out=x)
        with np.errstate(divide="ignore", invalid="ignore"):  # a head of size 0 gives inf or NaN
            distance /= gt.head_sizes[g, None]
        close = np.flatnonzero(distance < MAX_DISTANCE)
        pair, joint = np.divmod(close, distance.shape[1])
        blocks.append((pair + start, joint, distance.ravel()[close]))
    pair, joint, distance = (np.concatenate(arrays) for arrays in zip(*blocks, strict=True))
    return JointPairs(gt_rows[pair], prediction_rows[pair], joint, distance)


def _empty_block() -> tuple[IntArray, IntArray, Float64Array]:
    return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)


def same_frame_pairs(frames: IntArray, other_frames: IntArray, num_frames: int) -> tuple[IntArray, IntArray]:
    """All pairs (row, other row) in the same frame, sorted by row, then other row. Both frame arrays are ascending.

    >>> same_frame_pairs(np.array([0, 2]), np.array([0, 0, 1, 2]), 3)
    (array([0, 0, 1]), array([0, 1, 3]))
    """
    first = np.searchsorted(other_frames, np.arange(num_frames + 1))
    counts = np.diff(first)[frames]
    rows = np.repeat(np.arange(len(frames)), counts)
    num_before = np.cumsum(counts) - counts  # pairs of earlier rows
    return rows, np.arange(len(rows)) + np.repeat(first[frames] - num_before, counts)
