"""Left and right over a whole track, with the future known: the most probable sequence of answers (Viterbi)."""

from __future__ import annotations

import numpy as np

from pose_track.limbs.evidence import motion_evidence
from pose_track.limbs.hypotheses import change_support, combinations, pose_support
from pose_track.limbs.pairs import PairGroup, pair_groups
from pose_track.structures.arrays import Float64Array, FloatingArray, IntArray
from pose_track.structures.skeleton import Skeleton


def best_sides(joints: FloatingArray, scores: FloatingArray, heights: FloatingArray, skeleton: Skeleton) -> IntArray:
    """(T, K) the joint to take in the place of each joint, in the T successive poses of one person.

    joints, scores: (T, K, 2) and (T, K), 0 where a joint is absent. heights: (T,) body heights in pixels.
    """
    order = np.tile(np.arange(skeleton.num_joints), (len(joints), 1))
    for group in pair_groups(skeleton):
        exchanged = group.hypotheses[_best_path(group, joints[:, group.joints], scores[:, group.joints], heights)]
        group.exchange(order, exchanged)
    return order


def _best_path(group: PairGroup, joints: FloatingArray, scores: FloatingArray, heights: FloatingArray) -> IntArray:
    """(T,) the hypothesis of each pose, for the highest sum of the support by poses and by changes between them."""
    support = pose_support(group, joints, scores, heights)
    motion = motion_evidence(joints[:-1], scores[:-1], joints[1:], scores[1:], heights[1:])
    changes = change_support(group, motion)
    between = combinations(group)
    total: Float64Array = support[0]
    origins = []
    for change, of_pose in zip(changes, support[1:], strict=True):
        reached = change[between] + total  # (H, H) by answer here and answer before
        origins.append(reached.argmax(axis=1))
        total = reached.max(axis=1) + of_pose
    path = [int(total.argmax())]
    for origin in reversed(origins):
        path.append(int(origin[path[-1]]))
    return np.array(path[::-1])
