"""Poses of one skeleton as poses of another, joint by joint name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pose_track.skeleton import Skeleton
from pose_track.types import FloatArray, Poses

_SHOULDERS = ("left_shoulder", "right_shoulder")


def convert_poses(poses: Poses, target: Skeleton) -> Poses:
    """The same people with the joints of `target`; a joint the poses lack has score 0.

    head_bottom (the neck) and head_top, where the poses' own skeleton lacks them, follow from other joints by the rule
    in general use for PoseTrack (Girdhar et al., "Detect-and-Track", CVPR 2018, published code): the neck is midway
    between the shoulders, and the nose is midway between the neck and the top of the head. Both have the mean
    score of the shoulders, and are absent where one of the joints they follow from is.
    """
    source = poses.skeleton
    if source == target:
        return poses
    joints = np.zeros((len(poses), target.num_joints, 2), np.float32)
    scores = np.zeros((len(poses), target.num_joints), np.float32)
    shared = [name for name in target.joint_names if name in source.joint_names]
    to, of = [target.index(n) for n in shared], [source.index(n) for n in shared]
    joints[:, to], scores[:, to] = poses.joints[:, of], poses.joint_scores[:, of]
    for name in ("head_bottom", "head_top"):
        if name in target.joint_names and name not in source.joint_names:
            k = target.index(name)
            joints[:, k], scores[:, k] = _head_joint(poses, name)
    return replace(poses, joints=joints, joint_scores=scores, skeleton=target)


def _head_joint(poses: Poses, name: str) -> tuple[FloatArray, FloatArray]:
    """Positions (N, 2) and scores (N,) of head_bottom or head_top from the shoulders and, for the top, the nose."""
    needed = _SHOULDERS if name == "head_bottom" else (*_SHOULDERS, "nose")
    if not set(needed) <= set(poses.skeleton.joint_names):
        return np.zeros((len(poses), 2), np.float32), np.zeros(len(poses), np.float32)
    at = [poses.skeleton.index(n) for n in needed]
    joints, scores = poses.joints[:, at], poses.joint_scores[:, at]  # (N, 2 or 3, ...)
    position = joints[:, :2].mean(axis=1)
    if name == "head_top":
        position = 2 * joints[:, 2] - position
    present = np.asarray((scores > 0).all(axis=1))
    return np.where(present[:, None], position, 0), np.where(present, scores[:, :2].mean(axis=1), 0)
