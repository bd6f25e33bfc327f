"""A standing person whose left and right are known, for tests of the choice of sides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pose_track.limbs.online import SideFilter, reorder_joints
from pose_track.structures.arrays import BoolArray
from pose_track.structures.frames import Poses
from pose_track.structures.skeleton import POSETRACK_15, Skeleton, joint_type, side_of

HEIGHT = 100.0
# distance from the middle and from the top, in body heights
_PLACES = {
    "head_top": (0, 0), "nose": (0, 0.08), "head_bottom": (0, 0.14), "eye": (0.03, 0.07), "ear": (0.05, 0.08),
    "shoulder": (0.12, 0.2), "elbow": (0.17, 0.36), "wrist": (0.19, 0.5), "hip": (0.08, 0.5), "knee": (0.09, 0.74),
    "ankle": (0.09, 0.97), "pelvis": (0, 0.5), "big_toe": (0.11, 1.0), "small_toe": (0.13, 1.0), "heel": (0.09, 1.0),
}  # fmt: skip
_HAND, _FACE = (0.19, 0.53), (0.0, 0.08)


def standing(
    turn: float = 0.0, x: float = 50.0, top: float = 0.0, score: float = 0.8, skeleton: Skeleton = POSETRACK_15
) -> Poses:
    """One person of HEIGHT pixels. turn: radians about the vertical; at 0 the person faces the camera."""
    joints = []
    for name in skeleton.joint_names:
        aside, down = _PLACES.get(joint_type(name), _HAND if side_of(name) else _FACE)
        sign = {"left": 1, "right": -1, "": 0}[side_of(name)]
        joints.append((x + HEIGHT * aside * sign * np.cos(turn), top + HEIGHT * down))
    box = [x - 0.2 * HEIGHT, top, x + 0.2 * HEIGHT, top + HEIGHT]
    return Poses([joints], np.full((1, len(joints)), score), [box], [0.9], skeleton)  # type: ignore[arg-type]


def exchanged(poses: Poses, *joint_types: str) -> Poses:
    """The poses with left and right exchanged at joints of these types, or at all."""
    skeleton = poses.skeleton
    order = np.arange(skeleton.num_joints)
    chosen = np.array([not joint_types or part in joint_types for part in skeleton.joint_types])
    return reorder_joints(poses, np.where(chosen, skeleton.flip_indices, order)[None])


def chosen_sides(frames: list[Poses], truth: list[Poses] | None = None) -> list[Poses]:
    """The frames of one person after the online choice.

    truth: the same frames without exchanges, for a perfect flow, which carries a recorded joint on to where what lies
        there really goes; None for no flow, so that joints stay where they were.
    """
    sides = SideFilter(frames[0].skeleton)
    before, scores, beliefs = np.zeros_like(frames[0].joints), np.zeros_like(frames[0].joint_scores), sides.unknown(1)
    result = []
    for index, frame in enumerate(frames):
        chosen, beliefs = sides.choose(frame, before, scores, beliefs)
        before, scores = chosen.joints, chosen.joint_scores
        if truth is not None and index + 1 < len(frames):
            ahead, right = truth[index + 1], is_right(chosen, truth[index])
            before = np.where(right[:, None], ahead.joints, exchanged(ahead).joints)
        result.append(chosen)
    return result


def is_right(poses: Poses, truth: Poses) -> BoolArray:
    """(K,) which joints are where they are in truth."""
    return np.asarray((poses.joints[0] == truth.joints[0]).all(axis=-1))


def with_doubled_joint(poses: Poses, joint: int, twin: int, peak: tuple[float, float, float] = (-1, 1, 0.6)) -> Poses:
    """One person's pose whose `joint` is on the spot of its twin.

    peak: the second peak of the joint's heatmap: its distance x y in pixels from where the joint was, and its score.
    """
    joints, second = poses.joints.copy(), np.zeros((1, poses.skeleton.num_joints, 3), np.float32)
    second[0, joint] = (*(joints[0, joint] + peak[:2]), peak[2])
    joints[0, joint] = joints[0, twin] + 1
    return replace(poses, joints=joints, second_peaks=second)
