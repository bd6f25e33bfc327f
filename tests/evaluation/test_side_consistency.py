"""Left and right against the frame before, and left on right."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_track.evaluation.side_consistency import (
    ANY,
    SIDE_JOINTS,
    Share,
    SideConsistency,
    close_pairs,
    side_changes,
    side_consistency,
)
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.skeleton import COCO_17, LSP_14, POSETRACK_15, Skeleton

HEIGHT = 200.0


def standing(x: float = 0.0, skeleton: Skeleton = POSETRACK_15) -> np.ndarray:
    """(K, 2) the joints of a person of 200 pixels at x, the left joints 40 pixels right of the right ones."""
    rows = {name: 20.0 * (1 + k) for k, name in enumerate(SIDE_JOINTS)}
    sides = {"left": 20.0, "right": -20.0}
    names = [name.partition("_") for name in skeleton.joint_names]
    return np.array([[x + sides.get(side, 0.0), rows.get(joint, 5.0)] for side, _, joint in names])


def swapped(joints: np.ndarray, skeleton: Skeleton = POSETRACK_15, only: str = "") -> np.ndarray:
    """The joints with left and right swapped, all or those of one type."""
    of = np.array([only in ("", joint_type) for joint_type in skeleton.joint_types])
    return np.where(of[:, None], joints[skeleton.flip_indices], joints)


def frame(
    index: int, *people: np.ndarray, ids: tuple[int, ...] | None = None, skeleton: Skeleton = POSETRACK_15
) -> TrackedPoses:
    n, k = len(people), skeleton.num_joints
    joints = np.array(people, np.float32).reshape(n, k, 2)
    boxes = np.tile(np.array([0, 0, 100, HEIGHT], np.float32), (n, 1))
    poses = Poses(joints, np.full((n, k), 0.9, np.float32), boxes, np.full(n, 0.9, np.float32), skeleton)
    return TrackedPoses(index, index / 25, poses, np.array(ids or range(1, n + 1), np.int64))


def changes_of(*frames: TrackedPoses) -> dict[str, tuple[int, int]]:
    shares = side_consistency(frames, POSETRACK_15).changes
    return {name: (share.count, share.total) for name, share in shares.items()}


@pytest.mark.parametrize(
    ("second", "changed"),
    [
        (standing(), ()),
        (standing(30), ()),  # walked
        (swapped(standing()), SIDE_JOINTS),
        (swapped(standing(10)), SIDE_JOINTS),  # walked, and swapped
        (swapped(standing(), only="knee"), ("knee",)),
    ],
)
def test_two_frames_of_one_person(second: np.ndarray, changed: tuple[str, ...]) -> None:
    expected = {ANY: (int(bool(changed)), 1)} | {name: (int(name in changed), 1) for name in SIDE_JOINTS}
    assert changes_of(frame(0, standing()), frame(1, second)) == expected


def test_nobody_and_one_frame() -> None:
    for frames in ([], [frame(0)], [frame(0), frame(1)], [frame(0, standing())]):
        result = side_consistency(frames, POSETRACK_15)
        assert result.changes[ANY] == Share(0, 0)
        assert math.isnan(result.changes[ANY].value)
    assert result.people == 1


def test_people_are_compared_by_track_id() -> None:
    """Not by their order; a person who is new in a frame, or missed in the one before, is not compared."""
    left, right = standing(), swapped(standing())
    assert changes_of(frame(0, left, right, ids=(1, 2)), frame(1, right, left, ids=(2, 1)))[ANY] == (0, 2)
    assert changes_of(frame(0, left, ids=(1,)), frame(1, right, ids=(2,)))[ANY] == (0, 0)
    assert changes_of(frame(0, left), frame(1), frame(2, right))[ANY] == (0, 0)


def test_joints_of_low_score_and_pairs_in_one_place_are_not_compared() -> None:
    first, second = frame(0, standing()), frame(1, swapped(standing()))
    second.poses.joint_scores[0, POSETRACK_15.index("left_wrist")] = 0.29
    changes = side_consistency([first, second], POSETRACK_15, 0.3).changes
    assert (changes["wrist"], changes["elbow"]) == (Share(0, 0), Share(1, 1))
    narrow = standing() * [0.14, 1]  # 5.6 of 200 pixels apart
    assert changes_of(frame(0, narrow), frame(1, swapped(narrow)))[ANY] == (0, 0)
    wide = standing() * [0.16, 1]  # 6.4
    assert changes_of(frame(0, wide), frame(1, swapped(wide)))[ANY] == (1, 1)


@given(st.floats(7, 150), st.floats(-150, 150))
def test_a_foot_that_swings_past_the_standing_one_is_no_change(start: float, end: float) -> None:
    before, after = np.array([[[[0.0, 0], [start, 0]]]]), np.array([[[[0.0, 0], [end, 0]]]])
    assert not side_changes(before, after, np.array([HEIGHT]))[1].any()


@given(st.floats(0.5, 3), st.tuples(st.floats(-5, 5), st.floats(-5, 5)), st.floats(0, 2 * math.pi))
def test_scale_turn_and_a_small_movement_do_not_matter(scale: float, move: tuple[float, float], angle: float) -> None:
    cos, sin = math.cos(angle), math.sin(angle)
    turn = scale * np.array([[cos, -sin], [sin, cos]])
    before = np.array([[[[0.0, 0], [40, 0]], [[0, 30], [30, 60]]]])  # (1, 2, 2, 2)
    after = before + move
    heights = np.array([scale * HEIGHT])
    assert not side_changes(before @ turn.T, after @ turn.T, heights)[1].any()
    assert side_changes(before @ turn.T, after[:, :, ::-1] @ turn.T, heights)[1].all()


def test_close_pairs() -> None:
    """Up to 3 % of body height, inclusive; absent joints count in neither."""
    joints = np.array([[[[0.0, 0], [0, 6]], [[0, 0], [0, 6.1]], [[0, 0], [np.nan, np.nan]]]])
    present, close = close_pairs(joints, np.array([HEIGHT]))
    assert present.tolist() == [[True, True, False]]
    assert close.tolist() == [[True, False, False]]


def test_both_ankles_on_one_foot() -> None:
    together = standing()
    together[POSETRACK_15.index("left_ankle")] = together[POSETRACK_15.index("right_ankle")]
    together[POSETRACK_15.index("left_hip")] = together[POSETRACK_15.index("right_hip")]  # not of CLOSE_JOINTS
    result = side_consistency([frame(0, together), frame(1, standing()), frame(2)], POSETRACK_15)
    assert result.close == {ANY: Share(1, 2), "wrist": Share(0, 2), "knee": Share(0, 2), "ankle": Share(1, 2)}
    assert result.people == 2


def test_sum_of_videos() -> None:
    one = side_consistency([frame(0, standing()), frame(1, swapped(standing()))], POSETRACK_15)
    other = side_consistency([frame(0, standing()), frame(1, standing())], POSETRACK_15)
    both: SideConsistency = one + other
    assert both.people == 4
    assert both.changes[ANY] == both.changes["hip"] == Share(1, 2)
    assert both.changes[ANY].value == 0.5


@pytest.mark.parametrize("skeleton", [COCO_17, LSP_14], ids=lambda skeleton: skeleton.name)
def test_other_skeletons(skeleton: Skeleton) -> None:
    frames = [
        frame(0, standing(skeleton=skeleton), skeleton=skeleton),
        frame(1, swapped(standing(skeleton=skeleton), skeleton, "ankle"), skeleton=skeleton),
    ]
    changes = side_consistency(frames, skeleton).changes
    assert (changes[ANY], changes["ankle"], changes["knee"]) == (Share(1, 1), Share(1, 1), Share(0, 1))
