"""Poses of one skeleton as poses of another, joint by joint name.

head_bottom (the neck) and head_top, where a pose's own skeleton lacks them, follow from other joints by the rule in
general use for PoseTrack (Girdhar et al., "Detect-and-Track", CVPR 2018, published code): the neck is midway between
the shoulders, and the nose is midway between the neck and the top of the head. Both have the mean score of the
shoulders, and are absent where one of the joints they follow from is. What somebody predicted is never overwritten.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.frames import FloatArray, Poses
from pose_track.structures.sequence import People
from pose_track.structures.skeleton import Skeleton

Floats = NDArray[np.floating[Any]]

_SHOULDERS = ("left_shoulder", "right_shoulder")
_MADE_FROM = {"head_bottom": _SHOULDERS, "head_top": (*_SHOULDERS, "nose")}


class _Plan(NamedTuple):
    """Where the joints of a target come from. to, of: places in target and source of those both have; made: place
    in the target of a head joint, and the places in the source of what it follows from."""

    to: list[int]
    of: list[int]
    made: dict[int, list[int]]


def convert_poses(poses: Poses, target: Skeleton) -> Poses:
    """The same people with the joints of `target`; a joint the poses lack has score 0, and no features (all 0), which
    those made by the rule have not either."""
    source = poses.skeleton
    if source == target:
        return poses
    to, of, made = _plan(source, target)
    joints = np.zeros((len(poses), target.num_joints, 2), np.float32)
    scores = np.zeros((len(poses), target.num_joints), np.float32)
    joints[:, to], scores[:, to] = poses.joints[:, of], poses.joint_scores[:, of]
    for k, needed in made.items():
        position, score = _head_joint(poses.joints[:, needed], poses.joint_scores[:, needed])
        present = np.asarray((poses.joint_scores[:, needed] > 0).all(axis=1))
        joints[:, k], scores[:, k] = np.where(present[:, None], position, 0), np.where(present, score, 0)
    features = _features(poses, target, to, of)
    return replace(poses, joints=joints, joint_scores=scores, skeleton=target, features=features)


def _features(poses: Poses, target: Skeleton, to: list[int], of: list[int]) -> FloatArray | None:
    """(N, K, C) those of the joints that both skeletons have."""
    if poses.features is None:
        return None
    features = np.zeros((len(poses), target.num_joints, poses.features.shape[2]), np.float32)
    features[:, to] = poses.features[:, of]
    return features


def convert_people(people: People, source: Skeleton, target: Skeleton) -> People:
    """The same people, whose joints are those of `source`, with the joints of `target`; a joint they lack is NaN.

    A head joint made by the rule has no flag (-1), and no score where a shoulder's is not told.
    """
    if source == target:
        return people
    to, of, made = _plan(source, target)
    wanted = People.of(np.full((len(people), target.num_joints, 2), np.nan))
    joints, scores, flags = wanted.joints, wanted.joint_scores, wanted.flags
    joints[:, to], scores[:, to], flags[:, to] = people.joints[:, of], people.joint_scores[:, of], people.flags[:, of]
    for k, needed in made.items():
        position, score = _head_joint(people.joints[:, needed], people.joint_scores[:, needed])
        present = np.asarray(people.has_joint[:, needed].all(axis=1))
        joints[:, k], scores[:, k] = np.where(present[:, None], position, np.nan), np.where(present, score, np.nan)
    return replace(people, joints=joints, joint_scores=scores, flags=flags)


def _plan(source: Skeleton, target: Skeleton) -> _Plan:
    known = set(source.joint_names)
    shared = [name for name in target.joint_names if name in known]
    made = {
        target.index(name): [source.index(n) for n in needed]
        for name, needed in _MADE_FROM.items()
        if name in target.joint_names and name not in known and known.issuperset(needed)
    }
    return _Plan([target.index(n) for n in shared], [source.index(n) for n in shared], made)


def _head_joint(joints: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Positions (N, 2) and scores (N,) of the neck from two shoulders, (N, 2, 2), or, where the nose is the third of
    (N, 3, 2), of the top of the head."""
    position: Floats = joints[:, :2].mean(axis=1)
    if joints.shape[1] == 3:
        position = 2 * joints[:, 2] - position
    score: Floats = scores[:, :2].mean(axis=1)
    return position, score
