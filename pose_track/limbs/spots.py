"""Two joints, left and right, on one spot: the one that was elsewhere may have another peak in its heatmap there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pose_track.structures.arrays import Float32Array, IntArray
from pose_track.structures.frames import Poses

_MAX_DISTANCE = 0.06  # of a second peak from where the flow takes the joint, in body heights
_MIN_SCORE = 0.2  # of a second peak, and of both joints before


def continue_limbs(poses: Poses, before: Float32Array, before_scores: Float32Array) -> Poses:
    """The poses in which, of two joints on one spot, the one that was farther from it before takes its second peak, if
    that continues its motion and is on nobody else's joint. Features stay those of the spot.

    before, before_scores: (N, K, 2) and (N, K) each person's last recorded pose, carried into this frame.
    """
    if poses.second_peaks is None or not poses.second_peaks[..., 2].any():
        return poses
    twins = np.array(poses.skeleton.body_twins, np.int64).reshape(-1, 2)
    spots = poses.joints[:, twins].mean(axis=2, keepdims=True)  # (N, P, 1, 2)
    jumped = ((before[:, twins] - spots) ** 2).sum(axis=-1).argmax(axis=-1)  # (N, P)
    joint = twins[np.arange(len(twins)), jumped]
    person = np.arange(len(poses))[:, None]
    peaks = poses.second_peaks[person, joint]  # (N, P, 3)
    reach = _MAX_DISTANCE * np.maximum(poses.boxes[:, 2:] - poses.boxes[:, :2], 1).max(axis=1)[:, None]
    distances = np.linalg.norm(peaks[..., :2] - before[person, joint], axis=-1)
    is_known = (before_scores[:, twins] > _MIN_SCORE).all(axis=-1)
    taken = is_known & (peaks[..., 2] > _MIN_SCORE) & (distances < reach)
    taken &= _distance_to_others(peaks[..., :2], poses, twins) > reach
    person, pair = np.nonzero(taken)
    joints, scores = poses.joints.copy(), poses.joint_scores.copy()
    joints[person, joint[person, pair]] = peaks[person, pair, :2]
    scores[person, joint[person, pair]] = peaks[person, pair, 2]
    return replace(poses, joints=joints, joint_scores=scores)


def _distance_to_others(points: Float32Array, poses: Poses, twins: IntArray) -> Float32Array:
    """(N, P) from (N, P, 2) points of each person and pair to the nearest joint of the pair of anybody else."""
    others = np.where(poses.joint_scores[..., None] > _MIN_SCORE, poses.joints, np.inf)[:, twins]  # (N, P, 2, 2)
    distances = np.linalg.norm(points[:, None, :, None] - others[None], axis=-1).min(axis=-1)  # (N, N, P)
    distances[np.arange(len(points)), np.arange(len(points))] = np.inf
    return np.asarray(distances.min(axis=1), np.float32)
