"""Ids, ageing and what is refused, on people who stand far apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracking.made_people import ids_in, random_video, standing, times, tracker_of

from pose_track.structures.frames import Frame, Poses
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.tracking.matching import match_greedy, match_hungarian
from pose_track.tracking.similarity import Similarity
from pose_track.tracking.tracker import FrameTime, PoseTracker

repeatable = settings(derandomize=True, deadline=None, max_examples=60)

# People as (place, score); places 500 apart are nothing to each other, so that who is who is beyond doubt.
crowd = st.lists(
    st.tuples(st.integers(0, 7), st.integers(1, 99)), max_size=6, unique_by=(lambda p: p[0], lambda p: p[1])
)
videos = st.lists(crowd, min_size=1, max_size=8)


def placed(people: list[tuple[int, int]]) -> Poses:
    return standing(*(500 * place for place, _ in people), score=[score / 100 for _, score in people])


def run(tracker: PoseTracker, *frames: list[float]) -> list[list[int]]:
    return ids_in(tracker, *(standing(*places) for places in frames))


def test_frames_without_people_from_the_start() -> None:
    assert run(tracker_of(), [], [], [7], []) == [[], [], [1], []]


def test_ids_stay_with_people_in_whatever_order_they_come() -> None:
    frames = [0, 500, 1000], [1010, 10, 510], [520, 1020, 20]
    assert run(tracker_of(), *frames) == [[1, 2, 3], [3, 1, 2], [2, 3, 1]]


def test_any_frame_that_tells_its_place_and_time_will_do() -> None:
    poses = standing(0, 300, 600, score=[0.2, 0.8, 0.9])
    ids = tracker_of(min_start_score=0.5).assign(poses, Frame(17, 0.68, np.zeros((2, 2, 3), np.uint8)))
    assert (ids.tolist(), ids.dtype) == ([0, 2, 1], np.int64)


def test_new_ids_go_by_falling_score_then_from_left_to_right() -> None:
    people = standing(400, 200, 0, 600, score=[0.5, 0.9, 0.5, 0.7])
    assert ids_in(tracker_of(), people) == [[4, 1, 3, 2]]


def test_a_weak_pose_starts_nobody_but_continues_somebody() -> None:
    frames = [standing(0, score=0.49), standing(0, score=0.5), standing(0, score=0.1), standing(0, 900, score=0.1)]
    assert ids_in(tracker_of(min_start_score=0.5), *frames) == [[0], [1], [1], [1, 0]]


@pytest.mark.parametrize("buffer_frames", [0, 1, 4])
@pytest.mark.parametrize("skip", [False, True], ids=["empty frames", "skipped indices"])
def test_buffer_is_exact_to_the_frame(buffer_frames: int, skip: bool) -> None:
    for unseen, expected in ((buffer_frames, 1), (buffer_frames + 1, 2)):
        tracker = tracker_of(buffer_frames=buffer_frames)
        tracker.assign(standing(0), FrameTime(0, 0.0))
        for index in () if skip else range(1, unseen + 1):
            tracker.assign(standing(), FrameTime(index, float(index)))
        assert tracker.assign(standing(0), FrameTime(unseen + 1, unseen + 1.0)).tolist() == [expected]


def test_the_buffer_starts_anew_with_each_sight() -> None:
    frames: list[list[float]] = [[0], [], [0], [], [0], [], [], [0]]
    assert run(tracker_of(buffer_frames=1), *frames) == [[1], [], [1], [], [1], [], [], [2]]


def test_confirmation_knows_the_frames_that_a_person_may_be_unseen() -> None:
    tracker = tracker_of(buffer_frames=150, min_confirm_frames=2)
    frames = [standing(0)] * 2 + [standing()] * 150 + [standing(0)]
    linked = zip(range(153), (np.array(ids, np.int64) for ids in ids_in(tracker, *frames)), strict=True)
    found = [ids.tolist() for _, ids in tracker.confirmed(linked)]
    assert found == [[1], [1], *[[]] * 150, [1]]


def test_reset_forgets_people_and_restarts_ids_and_indices() -> None:
    tracker = tracker_of(buffer_frames=100)
    first = run(tracker, [0, 500], [0, 500, 1000])
    tracker.reset()
    assert run(tracker, [500, 1000], [0, 500, 1000]) == [[1, 2], [3, 1, 2]]
    tracker.reset()
    assert run(tracker, [0, 500], [0, 500, 1000]) == first
    tracker.reset()
    tracker.assign(Poses.empty(POSETRACK_15), FrameTime(0, 0.0))  # nor does another skeleton matter any more


def test_two_trackers_count_apart() -> None:
    one, other = tracker_of(), tracker_of()
    assert (run(one, [0, 500]), run(other, [0])) == ([[1, 2]], [[1]])


@given(videos)
@repeatable
def test_ids_are_unique_dense_and_in_order_of_appearance(video: list[list[tuple[int, int]]]) -> None:
    highest = 0
    for ids in ids_in(tracker_of(buffer_frames=1), *map(placed, video)):
        new = sorted(i for i in ids if i > highest)
        assert len(set(ids)) == len(ids)
        assert new == list(range(highest + 1, highest + 1 + len(new)))
        highest += len(new)


@given(videos, st.integers(0, 3))
@repeatable
def test_a_place_keeps_its_id_while_the_buffer_lasts(video: list[list[tuple[int, int]]], buffer_frames: int) -> None:
    held: dict[int, int] = {}
    last_seen: dict[int, int] = {}
    count = 0
    for index, (people, ids) in enumerate(
        zip(video, ids_in(tracker_of(buffer_frames=buffer_frames), *map(placed, video)), strict=True)
    ):
        expected = {}
        for place, _ in sorted(people, key=lambda p: -p[1]):
            if place not in held or index - last_seen[place] - 1 > buffer_frames:
                count += 1
                held[place] = count
            last_seen[place] = index
            expected[place] = held[place]
        assert dict(zip([place for place, _ in people], ids, strict=True)) == expected


@given(videos)
@repeatable
def test_greedy_and_hungarian_agree_where_nobody_is_near_another(video: list[list[tuple[int, int]]]) -> None:
    frames = list(map(placed, video))
    assert ids_in(tracker_of(match=match_greedy), *frames) == ids_in(tracker_of(match=match_hungarian), *frames)


@pytest.mark.parametrize("reentry_frames", [0, 25])
def test_memory_does_not_grow_with_the_video(reentry_frames: int) -> None:
    """Three new people in each of many frames."""
    tracker = tracker_of(buffer_frames=10, reentry_frames=reentry_frames)
    most = max(10, reentry_frames)
    for time in times(400):
        x = 2000 * time.index
        assert tracker.assign(standing(x, x + 500, x + 1000), time).tolist() == [3 * time.index + n for n in (1, 2, 3)]
        assert tracker._tracks is not None
        assert len(tracker._tracks) <= 3 * (most + 2)


@given(st.integers(0, 2**32 - 1))
@repeatable
def test_the_poses_given_are_not_touched(seed: int) -> None:
    frames, again = random_video(seed, 3, channels=2), random_video(seed, 3, channels=2)
    ids_in(tracker_of(Similarity({"oks": 1.0, "appearance": 1.0})), *frames)
    for a, b in zip(frames, again, strict=True):
        for name in ("joints", "joint_scores", "boxes", "scores", "features"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("index", [3, 2])
def test_the_frame_index_must_rise(index: int) -> None:
    tracker = tracker_of()
    tracker.assign(standing(0), FrameTime(3, 0.0))
    with pytest.raises(ValueError, match=f"must rise: got {index} after 3"):
        tracker.assign(standing(0), FrameTime(index, 0.0))


def test_the_skeleton_must_stay() -> None:
    tracker = tracker_of()
    tracker.assign(standing(0), FrameTime(0, 0.0))
    with pytest.raises(ValueError, match="skeleton 'coco_17', got 'posetrack_15'"):
        tracker.assign(Poses.empty(POSETRACK_15), FrameTime(1, 0.1))


def test_frames_at_the_same_time_and_long_gaps_give_ids() -> None:
    tracker = tracker_of(Similarity({"oks": 1.0, "motion": 1.0}), buffer_frames=10**9)
    seconds = [0.0, 0.0, 0.0, 1e-9, 1e6, 1e6]
    found = [tracker.assign(standing(0), FrameTime(i, s)).tolist() for i, s in enumerate(seconds)]
    assert found == [[1]] * 6


def test_a_buffer_below_nothing() -> None:
    with pytest.raises(ValueError, match="buffer_frames must be 0 or more, got -1"):
        tracker_of(buffer_frames=-1)
    with pytest.raises(ValueError, match="min_frames must be 1 or more, got 0"):
        next(tracker_of(min_confirm_frames=0).confirmed([]))
