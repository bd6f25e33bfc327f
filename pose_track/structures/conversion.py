"""Conversion of poses between skeletons, by joint name.

Where a pose's own skeleton lacks head_bottom (the neck) or head_top, they are derived from other joints by the rule in
general use for PoseTrack (Girdhar et al., "Detect-and-Track", CVPR 2018, published code): the neck is midway between
the shoulders, and the nose is midway between the neck and the top of the head. A derived joint has the mean score of
the shoulders, and is absent if one of its source joints is absent. A predicted joint is never overwritten.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pose_track.structures.arrays import Float32Array, FloatingArray
from pose_track.structures.frames import Poses
from pose_track.structures.sequence import PoseAnnotations
from pose_track.structures.skeleton import Skeleton

_SHOULDERS = ("left_shoulder", "right_shoulder")
_DERIVED = {"head_bottom": _SHOULDERS, "head_top": (*_SHOULDERS, "nose")}


class _JointMapping(NamedTuple):
    """Where the joints of a target skeleton come from.

    target, source: the indices of the shared joints in each skeleton, in the same order.
    derived: the target index of each derived joint, with the indices of its source joints.
    """

    target: list[int]
    source: list[int]
    derived: dict[int, list[int]]


def convert_poses(poses: Poses, target: Skeleton) -> Poses:
    """The same people with the joints of `target`.

    A joint that the poses lack has score 0. It has no features and no second peak (all 0), nor has a derived joint.
    """
    source = poses.skeleton
    if source == target:
        return poses
    mapping = _map_joints(source, target)
    joints = np.zeros((len(poses), target.num_joints, 2), np.float32)
    scores = np.zeros((len(poses), target.num_joints), np.float32)
    joints[:, mapping.target] = poses.joints[:, mapping.source]
    scores[:, mapping.target] = poses.joint_scores[:, mapping.source]
    for k, needed in mapping.derived.items():
        position, score = _head_joint(poses.joints[:, needed], poses.joint_scores[:, needed])
        present = np.asarray((poses.joint_scores[:, needed] > 0).all(axis=1))
        joints[:, k], scores[:, k] = np.where(present[:, None], position, 0), np.where(present, score, 0)
    features, second_peaks = (_convert_array(array, target, mapping) for array in (poses.features, poses.second_peaks))
    return replace(
        poses, joints=joints, joint_scores=scores, skeleton=target, features=features, second_peaks=second_peaks
    )


def _convert_array(array: Float32Array | None, target: Skeleton, mapping: _JointMapping) -> Float32Array | None:
    """(N, K, C) the values of the shared joints, 0 for the others."""
    if array is None:
        return None
    converted = np.zeros((len(array), target.num_joints, array.shape[2]), np.float32)
    converted[:, mapping.target] = array[:, mapping.source]
    return converted


def convert_annotations(people: PoseAnnotations, source: Skeleton, target: Skeleton) -> PoseAnnotations:
    """The same people with the joints of `target`; a joint that `source` lacks is NaN.

    A derived joint has no flag (-1); its score is NaN if a shoulder's score is missing.
    """
    if source == target:
        return people
    mapping = _map_joints(source, target)
    blank = PoseAnnotations.from_joints(np.full((len(people), target.num_joints, 2), np.nan))
    joints, scores, flags = blank.joints, blank.joint_scores, blank.flags
    joints[:, mapping.target] = people.joints[:, mapping.source]
    scores[:, mapping.target] = people.joint_scores[:, mapping.source]
    flags[:, mapping.target] = people.flags[:, mapping.source]
    for k, needed in mapping.derived.items():
        position, score = _head_joint(people.joints[:, needed], people.joint_scores[:, needed])
        present = np.asarray(people.has_joint[:, needed].all(axis=1))
        joints[:, k], scores[:, k] = np.where(present[:, None], position, np.nan), np.where(present, score, np.nan)
    return replace(people, joints=joints, joint_scores=scores, flags=flags)


def is_convertible(source: Skeleton, target: Skeleton) -> bool:
    """Whether a conversion keeps at least half the joints of one of the two.

    >>> from pose_track.structures.skeleton import COCO_17, POSETRACK_15
    >>> is_convertible(COCO_17, POSETRACK_15), is_convertible(Skeleton("horse", ("nose", "withers", "tail")), COCO_17)
    (True, False)
    """
    shared = set(source.joint_names) & set(target.joint_names)
    return 2 * len(shared) >= min(source.num_joints, target.num_joints)


def check_convertible(source: Skeleton, target: Skeleton, layout: str) -> None:
    """Raises ValueError where a conversion is not convertible. layout: that has the joints of `target`."""
    if not is_convertible(source, target):
        raise ValueError(
            f"{layout} holds the joints of {target}, of which {source} has too few; write coco, mmpose, csv or parquet"
        )


def _map_joints(source: Skeleton, target: Skeleton) -> _JointMapping:
    known = set(source.joint_names)
    shared = [name for name in target.joint_names if name in known]
    derived = {
        target.index(name): [source.index(n) for n in needed]
        for name, needed in _DERIVED.items()
        if name in target.joint_names and name not in known and known.issuperset(needed)
    }
    return _JointMapping([target.index(n) for n in shared], [source.index(n) for n in shared], derived)


def _head_joint(joints: FloatingArray, scores: FloatingArray) -> tuple[FloatingArray, FloatingArray]:
    """Positions (N, 2) and scores (N,) of a derived head joint.

    The neck from two shoulders, (N, 2, 2); the top of the head from two shoulders and the nose, (N, 3, 2).
    """
    position: FloatingArray = joints[:, :2].mean(axis=1)
    if joints.shape[1] == 3:
        position = 2 * joints[:, 2] - position
    score: FloatingArray = scores[:, :2].mean(axis=1)
    return position, score
