"""Two joints on one spot, and the second peak of the one that jumped there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from limbs.standing_people import HEIGHT, standing, with_doubled_joint

from pose_track.limbs.online import reorder_joints
from pose_track.limbs.spots import continue_limbs
from pose_track.structures.frames import Poses, concatenate
from pose_track.structures.skeleton import COCO_17, LSP_14, POSETRACK_15, Skeleton

BEFORE = standing()
PAIRS = [(part, sides) for part in ("wrist", "elbow", "knee", "ankle") for sides in ("left right", "right left")]


def indices(part: str, sides: str, skeleton: Skeleton = POSETRACK_15) -> list[int]:
    return [skeleton.index(f"{side}_{part}") for side in sides.split()]


def continued(poses: Poses, before: Poses = BEFORE) -> Poses:
    return continue_limbs(poses, before.joints, before.joint_scores)


@pytest.mark.parametrize("skeleton", [POSETRACK_15, COCO_17, LSP_14], ids=str)
@pytest.mark.parametrize(("part", "sides"), PAIRS)
def test_the_joint_that_jumped_takes_its_second_peak(part: str, sides: str, skeleton: Skeleton) -> None:
    joint, twin = indices(part, sides, skeleton)
    before = standing(skeleton=skeleton)
    found = continued(with_doubled_joint(before, joint, twin, (2, -3, 0.55)), before)
    np.testing.assert_allclose(found.joints[0, joint], before.joints[0, joint] + (2, -3))
    assert found.joint_scores[0, joint] == np.float32(0.55)
    others = np.arange(skeleton.num_joints) != joint
    np.testing.assert_array_equal(found.joints[0, others], before.joints[0, others])
    np.testing.assert_array_equal(found.joint_scores[0, others], before.joint_scores[0, others])


@pytest.mark.parametrize(
    "peak",
    [
        (0, 0, 0.1),  # low
        (0, 0, 0),  # none
        (0.05 * HEIGHT, 0.05 * HEIGHT, 0.9),  # where nothing was before
        (-HEIGHT, 0, 0.9),
    ],
    ids=str,
)
def test_other_peaks_are_not_taken(peak: tuple[float, float, float]) -> None:
    poses = with_doubled_joint(BEFORE, *indices("ankle", "left right"), peak)
    found = continued(poses)
    np.testing.assert_array_equal(found.joints, poses.joints)
    np.testing.assert_array_equal(found.joint_scores, poses.joint_scores)


@pytest.mark.parametrize(("distance", "is_taken"), [(0.03, False), (0.09, True)])
@pytest.mark.parametrize("sides", ["left right", "right left"])
def test_a_peak_on_somebody_elses_joint_is_not_taken(sides: str, distance: float, is_taken: bool) -> None:
    """Two people cross: the ankle that seems to go on is that of the other one."""
    left, right = indices("ankle", "left right")
    poses = with_doubled_joint(BEFORE, left, right)
    no_peaks = np.zeros((1, 15, 3), np.float32)
    other = replace(BEFORE, joints=BEFORE.joints + np.float32(5 * HEIGHT), second_peaks=no_peaks)
    (side, _) = indices("ankle", sides)
    other.joints[0, side] = BEFORE.joints[0, left] + np.array([distance * HEIGHT, 0], np.float32)
    both, before = concatenate(poses, other), concatenate(BEFORE, replace(other, second_peaks=None))
    found = continued(both, before)
    assert bool((found.joints[0, left] != poses.joints[0, left]).any()) == is_taken


def test_the_joint_that_was_there_stays() -> None:
    """Its own second peak, where its twin was, is not taken."""
    left, right = indices("wrist", "left right")
    poses = with_doubled_joint(BEFORE, left, right)
    second = poses.second_peaks[:, POSETRACK_15.flip_indices]  # type: ignore[index]
    found = continued(replace(poses, second_peaks=second))
    np.testing.assert_array_equal(found.joints, poses.joints)


def test_joints_that_meet_are_left_alone() -> None:
    """Both were near the spot before, and a peak is elsewhere: hands that are held, a knee that passes the other."""
    left, right = indices("knee", "left right")
    before = standing(turn=np.pi / 2)  # from the side, where both are in one place
    second = np.zeros((1, 15, 3), np.float32)
    second[0, [left, right]] = (*(before.joints[0, left] + 0.15 * HEIGHT), 0.9)
    poses = replace(before, second_peaks=second)
    np.testing.assert_array_equal(continued(poses, before).joints, poses.joints)


@pytest.mark.parametrize("unknown", ["left", "right"])
def test_nothing_is_taken_without_both_joints_before(unknown: str) -> None:
    left, right = indices("elbow", "left right")
    poses, scores = with_doubled_joint(BEFORE, left, right), BEFORE.joint_scores.copy()
    scores[0, POSETRACK_15.index(f"{unknown}_elbow")] = 0
    np.testing.assert_array_equal(continue_limbs(poses, BEFORE.joints, scores).joints, poses.joints)


def test_people_do_not_depend_on_each_other() -> None:
    ankles, knees = indices("ankle", "left right"), indices("knee", "right left")
    other = standing(x=300)
    people = [with_doubled_joint(BEFORE, *ankles), with_doubled_joint(other, *knees)]
    together = continued(concatenate(*people), concatenate(BEFORE, other))
    alone = [continued(pose, before) for pose, before in zip(people, (BEFORE, other), strict=True)]
    np.testing.assert_array_equal(together.joints, np.concatenate([pose.joints for pose in alone]))
    assert not np.array_equal(alone[0].joints, people[0].joints)


def test_second_peaks_go_with_their_joints_when_sides_are_exchanged() -> None:
    poses = with_doubled_joint(BEFORE, *indices("ankle", "left right"))
    exchanged = reorder_joints(poses, POSETRACK_15.flip_indices[None])
    assert poses.second_peaks is not None
    assert exchanged.second_peaks is not None
    np.testing.assert_array_equal(exchanged.second_peaks, poses.second_peaks[:, POSETRACK_15.flip_indices])


def test_without_second_peaks_without_people_and_without_sides() -> None:
    assert continued(BEFORE) is BEFORE
    nobody = Poses.empty(POSETRACK_15)
    assert continued(nobody, nobody) is nobody
    worm = Skeleton("worm", ("head", "middle", "tail"))
    pose = Poses(np.ones((1, 3, 2)), np.ones((1, 3)), np.ones((1, 4)), np.ones(1), worm, None, None, np.ones((1, 3, 3)))  # type: ignore[arg-type]
    np.testing.assert_array_equal(continued(pose, pose).joints, pose.joints)
