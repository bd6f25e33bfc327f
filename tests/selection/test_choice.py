"""Choosing people."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_track.selection.choice import Choice, foot_points, inside, prominent
from pose_track.selection.online import OnlineChoice
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.skeleton import POSETRACK_15

SQUARE = np.array([[0.0, 0], [100, 0], [100, 100], [0, 100]])


def frame(index: int, people: dict[int, tuple[float, float, float]]) -> TrackedPoses:
    """people: by id, x and y of the feet, and the height of the box."""
    n, k = len(people), POSETRACK_15.num_joints
    feet = np.array([(x, y) for x, y, _ in people.values()], np.float32).reshape(n, 2)
    heights = np.array([height for *_, height in people.values()], np.float32)
    boxes = np.stack([feet[:, 0] - 10, feet[:, 1] - heights, feet[:, 0] + 10, feet[:, 1] + 5], axis=1)
    joints = np.repeat(feet[:, None], k, axis=1)
    poses = Poses(joints, np.full((n, k), 0.9, np.float32), boxes, np.ones(n, np.float32), POSETRACK_15)
    return TrackedPoses(index, index / 10, poses, np.array(list(people), np.int64))


FRAMES = [frame(i, {1: (50, 50, 40), 2: (150, 50, 90), 3: (10 * i, 20, 30)}) for i in range(20)]


def ids_of(choice: Choice) -> list[list[int]]:
    return [tracked.track_ids.tolist() for tracked in choice(FRAMES)]


def test_all_by_default() -> None:
    assert ids_of(Choice()) == [[1, 2, 3]] * 20


def test_by_id() -> None:
    assert ids_of(Choice(frozenset({1, 3}))) == [[1, 3]] * 20
    with pytest.raises(ValueError, match="no person 7; the ids are 1, 2, 3"):
        ids_of(Choice(frozenset({1, 7})))


def test_the_largest_and_longest_seen() -> None:
    assert prominent(FRAMES, 3) == [2, 1, 3]
    assert ids_of(Choice(max_people=1)) == [[2]] * 20
    assert ids_of(Choice(frozenset({1, 3}), max_people=1)) == [[1]] * 20


def test_by_region_and_within_it_the_main_person() -> None:
    inside_square = [[1, 3] if 0 < i < 10 else [1] for i in range(20)]
    found = ids_of(Choice(region=SQUARE))
    assert found[1:] == inside_square[1:]  # the first one is on the edge
    assert ids_of(Choice(region=SQUARE, max_people=1)) == [[1]] * 20


def test_without_ankles_the_box_says_where_somebody_stands() -> None:
    tracked = FRAMES[0]
    assert foot_points(tracked)[0].tolist() == [50, 50]
    tracked.poses.joint_scores[0] = 0
    assert foot_points(tracked)[0].tolist() == [50, 55]
    tracked.poses.joint_scores[0] = 0.9


@given(st.floats(-50, 150), st.floats(-50, 150), st.integers(0, 3))
def test_inside_a_square_from_any_corner(x: float, y: float, first: int) -> None:
    polygon = np.roll(SQUARE, first, axis=0)
    if min(abs(x), abs(x - 100), abs(y), abs(y - 100)) > 1e-6:
        assert inside(np.array([[x, y]]), polygon).item() == (0 < x < 100 and 0 < y < 100)
        assert inside(np.array([[x, y]]), polygon[::-1]).item() == (0 < x < 100 and 0 < y < 100)


@pytest.mark.parametrize(("values", "message"), [({"max_people": 0}, "at least 1"), ({"region": SQUARE[:2]}, "three")])
def test_choices_that_cannot_be(values: dict, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError, match=message):
        Choice(**values)


def online(choice: Choice, frames: list[TrackedPoses]) -> list[list[int]]:
    choose = OnlineChoice(choice)
    return [choose(tracked).track_ids.tolist() for tracked in frames]


def test_online_the_largest_so_far_is_kept() -> None:
    small, tall = (50, 50, 40), (150, 50, 90)
    frames = [frame(i, {1: small} if i < 10 else {1: small, 2: tall}) for i in range(30)]
    found = online(Choice(max_people=1), frames)
    # of 45 pixels in n frames and 95 in n - 10, the latter are more from n = 20 on
    assert found == [[1]] * 19 + [[2]] * 11
    assert online(Choice(), frames) == [tracked.track_ids.tolist() for tracked in frames]


def test_online_a_place_is_free_two_seconds_after_its_person_was_seen() -> None:
    frames = [frame(i, {1: (50, 50, 40), 2: (150, 50, 400)} if i < 10 else {1: (50, 50, 40)}) for i in range(40)]
    assert online(Choice(max_people=1), frames) == [[2]] * 10 + [[]] * 20 + [[1]] * 10


def test_online_the_region_goes_first() -> None:
    assert online(Choice(max_people=1, region=SQUARE), FRAMES)[1:] == [[1]] * 19
