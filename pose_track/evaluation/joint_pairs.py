"""Which joints of the truth and of the prediction are near each other, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from pose_track.evaluation.instances import BoolArray, Instances
from pose_track.structures.sequence import FloatArray, IntArray

MATCH_DISTANCE = 0.5  # head sizes up to which a joint is right (poseval); included
REACH = 0.5001  # head sizes within which two joints are at all alike (PoseTrack21's HOTA); excluded
_BLOCK = 4096  # pairs of people measured at a time, so that the arrays stay in the processor's cache


@dataclass(frozen=True, eq=False)
class JointPairs:
    """C pairs of joints of one kind in one frame, nearer than REACH. truth, prediction: (C,) rows of their people,
    pairs sorted by truth, then prediction, then joint; joint: (C,) kind, from 0; distance: (C,) head sizes."""

    truth: IntArray
    prediction: IntArray
    joint: IntArray
    distance: FloatArray

    def __getitem__(self, keep: BoolArray) -> JointPairs:
        places = np.flatnonzero(keep)
        return JointPairs(*(getattr(self, f.name)[places] for f in fields(self)))


def joint_pairs(truth: Instances, prediction: Instances, num_frames: int) -> JointPairs:
    """All of them. A distance is measured in the head size of the truth's person, who matches nobody where it is not
    known. Memory and time grow with the pairs of people in the same frame."""
    rows, others = same_frame(truth.frame, prediction.frame, num_frames)
    (tx, ty), (px, py) = np.moveaxis(truth.joints, 2, 0), np.moveaxis(prediction.joints, 2, 0)
    tx, ty, px, py = (np.ascontiguousarray(v) for v in (tx, ty, px, py))  # (people, 15)
    found: list[tuple[IntArray, IntArray, FloatArray]] = [_nowhere()]
    for start in range(0, len(rows), _BLOCK):
        t, p = rows[start : start + _BLOCK], others[start : start + _BLOCK]
        x, y = tx[t], ty[t]  # (block, 15)
        x -= px[p]
        y -= py[p]
        x *= x
        y *= y
        x += y
        distance = np.sqrt(x, out=x)
        with np.errstate(divide="ignore", invalid="ignore"):  # a head of size 0: far away, or NaN
            distance /= truth.head_sizes[t, None]
        near = np.flatnonzero(distance < REACH)
        pair, joint = np.divmod(near, distance.shape[1])
        found.append((pair + start, joint, distance.ravel()[near]))
    pair, joint, distance = (np.concatenate(part) for part in zip(*found, strict=True))
    return JointPairs(rows[pair], others[pair], joint, distance)


def _nowhere() -> tuple[IntArray, IntArray, FloatArray]:
    return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)


def same_frame(frames: IntArray, other_frames: IntArray, num_frames: int) -> tuple[IntArray, IntArray]:
    """All pairs (row, other row) in the same frame, sorted so; both arrays of frames must not fall.

    >>> same_frame(np.array([0, 2]), np.array([0, 0, 1, 2]), 3)
    (array([0, 0, 1]), array([0, 1, 3]))
    """
    first = np.searchsorted(other_frames, np.arange(num_frames + 1))
    partners = np.diff(first)[frames]
    rows = np.repeat(np.arange(len(frames)), partners)
    before = np.cumsum(partners) - partners  # pairs of earlier rows
    return rows, np.arange(len(rows)) + np.repeat(first[frames] - before, partners)
