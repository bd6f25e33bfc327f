"""Ids, the track buffer, and errors, for people far apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracking.synthetic_people import (
    FPS,
    assigned_ids,
    build_linker,
    frame_times,
    longest_gap,
    panning_flow,
    people_at,
    random_video,
)

from pose_track.structures.frames import Frame, Poses
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.tracking.linker import FrameTime, PoseLinker
from pose_track.tracking.matching import match_greedy, match_hungarian
from pose_track.tracking.propagation import Propagation
from pose_track.tracking.similarity import Similarity

repeatable = settings(derandomize=True, deadline=None, max_examples=60)

# (position, score in per cent); positions are 500 px apart, so that matching is unambiguous.
people_in_frame = st.lists(
    st.tuples(st.integers(0, 7), st.integers(1, 99)), max_size=6, unique_by=(lambda p: p[0], lambda p: p[1])
)
videos = st.lists(people_in_frame, min_size=1, max_size=8)


def poses_of(people: list[tuple[int, int]]) -> Poses:
    return people_at(*(500 * position for position, _ in people), score=[score / 100 for _, score in people])


def run(tracker: PoseLinker, *frames: list[float]) -> list[list[int]]:
    return assigned_ids(tracker, *(people_at(*positions) for positions in frames))


def test_frames_without_people_from_the_start() -> None:
    assert run(build_linker(), [], [], [7], []) == [[], [], [1], []]


def test_ids_do_not_depend_on_the_order_of_poses() -> None:
    frames = [0, 500, 1000], [1010, 10, 510], [520, 1020, 20]
    assert run(build_linker(), *frames) == [[1, 2, 3], [3, 1, 2], [2, 3, 1]]


def test_a_frame_with_an_image_is_accepted() -> None:
    poses = people_at(0, 300, 600, score=[0.2, 0.8, 0.9])
    ids = build_linker(min_start_score=0.5).assign(poses, Frame(17, 0.68, np.zeros((2, 2, 3), np.uint8)))
    assert (ids.tolist(), ids.dtype) == ([0, 2, 1], np.int64)


def test_new_ids_are_by_falling_score_then_from_left_to_right() -> None:
    people = people_at(400, 200, 0, 600, score=[0.5, 0.9, 0.5, 0.7])
    assert assigned_ids(build_linker(), people) == [[4, 1, 3, 2]]


def test_a_low_score_pose_continues_a_track_but_starts_none() -> None:
    frames = [people_at(0, score=0.49), people_at(0, score=0.5), people_at(0, score=0.1), people_at(0, 900, score=0.1)]
    assert assigned_ids(build_linker(min_start_score=0.5), *frames) == [[0], [1], [1], [1, 0]]


@pytest.mark.parametrize("buffer_frames", [0, 1, 4])
@pytest.mark.parametrize("skip", [False, True], ids=["empty frames", "skipped indices"])
def test_buffer_is_exact_to_the_frame(buffer_frames: int, skip: bool) -> None:
    for num_missed, expected in ((buffer_frames, 1), (buffer_frames + 1, 2)):
        tracker = build_linker(buffer_frames=buffer_frames)
        tracker.assign(people_at(0), FrameTime(0, 0.0))
        for index in () if skip else range(1, num_missed + 1):
            tracker.assign(people_at(), FrameTime(index, float(index / FPS)))
        last = FrameTime(num_missed + 1, float((num_missed + 1) / FPS))
        assert tracker.assign(people_at(0), last).tolist() == [expected]


@pytest.mark.parametrize(("gap", "expected"), [(0.4, 1), (0.8, 2), (60.0, 2), (3600.0, 2)])
def test_the_buffer_is_counted_in_seconds_whatever_the_frames(gap: float, expected: int) -> None:
    """The frame after the gap is the next one of the file."""
    tracker = build_linker(buffer_frames=5)
    tracker.assign(people_at(0), FrameTime(0, 0.0))
    assert tracker.assign(people_at(0), FrameTime(1, gap)).tolist() == [expected]


def test_many_frames_in_a_short_time_are_within_the_buffer() -> None:
    tracker = build_linker(buffer_frames=5)
    ids = [tracker.assign(people_at(*[0] * (i in (0, 300))), FrameTime(i, i / 1000)).tolist() for i in range(301)]
    assert ids == [[1], *[[]] * 299, [1]]


def test_rounded_times_keep_the_buffer_exact() -> None:
    """Times in whole hundredths of a second, as some containers store them."""
    for num_missed, expected in ((5, 1), (6, 2)):
        for rounded in (-0.01, 0.01):
            tracker = build_linker(buffer_frames=5)
            tracker.assign(people_at(0), FrameTime(0, 0.0))
            last = FrameTime(num_missed + 1, float((num_missed + 1) / FPS) + rounded)
            assert tracker.assign(people_at(0), last).tolist() == [expected]


def test_nobody_is_proposed_after_a_gap() -> None:
    tracker = build_linker(flow=panning_flow(0), propagation=Propagation(5, min_detections=1), buffer_frames=5)
    proposed = []
    for index, seconds in enumerate((0.0, 0.1, 3600.0)):
        frame = Frame(index, seconds, np.zeros((4, 4, 3), np.uint8))
        proposed.append(len(tracker.propose(frame)))
        tracker.assign(people_at(0), frame)
    assert proposed == [0, 1, 0]


def test_the_buffer_restarts_with_each_match() -> None:
    frames: list[list[float]] = [[0], [], [0], [], [0], [], [], [0]]
    assert run(build_linker(buffer_frames=1), *frames) == [[1], [], [1], [], [1], [], [], [2]]


def test_confirmation_remembers_ids_for_the_whole_track_buffer() -> None:
    tracker = build_linker(buffer_frames=150, min_confirm_frames=2)
    frames = [people_at(0)] * 2 + [people_at()] * 150 + [people_at(0)]
    ids = [np.array(ids, np.int64) for ids in assigned_ids(tracker, *frames)]
    inputs = zip(zip(frame_times(153), frames, strict=True), ids, strict=True)
    confirmed = [ids.tolist() for _, ids in tracker.confirm(inputs)]
    assert confirmed == [[1], [1], *[[]] * 150, [1]]


def test_reset_removes_tracks_and_restarts_ids_and_indices() -> None:
    tracker = build_linker(buffer_frames=100)
    first = run(tracker, [0, 500], [0, 500, 1000])
    tracker.reset()
    assert run(tracker, [500, 1000], [0, 500, 1000]) == [[1, 2], [3, 1, 2]]
    tracker.reset()
    assert run(tracker, [0, 500], [0, 500, 1000]) == first
    tracker.reset()
    tracker.assign(Poses.empty(POSETRACK_15), FrameTime(0, 0.0))  # with another skeleton


def test_two_linkers_count_separately() -> None:
    one, other = build_linker(), build_linker()
    assert (run(one, [0, 500]), run(other, [0])) == ([[1, 2]], [[1]])


@given(videos)
@repeatable
def test_ids_are_unique_without_gaps_and_in_order_of_appearance(video: list[list[tuple[int, int]]]) -> None:
    highest = 0
    for ids in assigned_ids(build_linker(buffer_frames=1), *map(poses_of, video)):
        new = sorted(i for i in ids if i > highest)
        assert len(set(ids)) == len(ids)
        assert new == list(range(highest + 1, highest + 1 + len(new)))
        highest += len(new)


@given(videos, st.integers(0, 3))
@repeatable
def test_a_position_keeps_its_id_within_the_track_buffer(
    video: list[list[tuple[int, int]]], buffer_frames: int
) -> None:
    id_at: dict[int, int] = {}
    last_seen: dict[int, int] = {}
    count = 0
    for index, (people, ids) in enumerate(
        zip(video, assigned_ids(build_linker(buffer_frames=buffer_frames), *map(poses_of, video)), strict=True)
    ):
        expected = {}
        for position, _ in sorted(people, key=lambda p: -p[1]):
            if position not in id_at or index - last_seen[position] - 1 > buffer_frames:
                count += 1
                id_at[position] = count
            last_seen[position] = index
            expected[position] = id_at[position]
        assert dict(zip([position for position, _ in people], ids, strict=True)) == expected


@given(videos)
@repeatable
def test_greedy_and_hungarian_agree_for_people_far_apart(video: list[list[tuple[int, int]]]) -> None:
    frames = list(map(poses_of, video))
    assert assigned_ids(build_linker(match=match_greedy), *frames) == assigned_ids(
        build_linker(match=match_hungarian), *frames
    )


@pytest.mark.parametrize("reactivation_frames", [0, 25])
def test_the_number_of_tracks_is_bounded(reactivation_frames: int) -> None:
    """Three new people in each of many frames."""
    tracker = build_linker(buffer_frames=10, reactivation_seconds=longest_gap(reactivation_frames))
    max_missed = max(10, reactivation_frames)
    for time in frame_times(400):
        x = 2000 * time.index
        assert tracker.assign(people_at(x, x + 500, x + 1000), time).tolist() == [3 * time.index + n for n in (1, 2, 3)]
        assert tracker._tracks is not None
        assert len(tracker._tracks) <= 3 * (max_missed + 2)


@given(st.integers(0, 2**32 - 1))
@repeatable
def test_input_poses_are_not_changed(seed: int) -> None:
    frames, copies = random_video(seed, 3, channels=2), random_video(seed, 3, channels=2)
    assigned_ids(build_linker(Similarity({"oks": 1.0, "appearance": 1.0})), *frames)
    for a, b in zip(frames, copies, strict=True):
        for name in ("joints", "joint_scores", "boxes", "scores", "features"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("index", [3, 2])
def test_the_frame_index_must_increase(index: int) -> None:
    tracker = build_linker()
    tracker.assign(people_at(0), FrameTime(3, 0.0))
    with pytest.raises(ValueError, match=f"frame index .* {index} after 3"):
        tracker.assign(people_at(0), FrameTime(index, 0.0))


def test_the_skeleton_must_stay() -> None:
    tracker = build_linker()
    tracker.assign(people_at(0), FrameTime(0, 0.0))
    with pytest.raises(ValueError, match="'coco_17', got 'posetrack_15'"):
        tracker.assign(Poses.empty(POSETRACK_15), FrameTime(1, 0.1))


def test_equal_times_and_long_gaps() -> None:
    tracker = build_linker(Similarity({"oks": 1.0, "motion": 1.0}), buffer_frames=10**9)
    seconds = [0.0, 0.0, 0.0, 1e-9, 1e6, 1e6]
    ids = [tracker.assign(people_at(0), FrameTime(i, s)).tolist() for i, s in enumerate(seconds)]
    assert ids == [[1]] * 6


def test_invalid_arguments() -> None:
    with pytest.raises(ValueError, match=r"buffer_seconds .* -0\.05"):
        build_linker(buffer_frames=-2)
    with pytest.raises(ValueError, match=r"min_frames .* 0"):
        next(build_linker(min_confirm_frames=0).confirm([]))
