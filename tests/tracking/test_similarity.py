"""The weighted mean of the cues, unknown cues, and which pairs are compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracking.synthetic_people import (
    GREEN,
    RED,
    WIDTH,
    StubWarp,
    assigned_ids,
    blank_frames,
    build_linker,
    frame_times,
    panning_flow,
    people_at,
    random_video,
    start_tracks,
)

from pose_track.structures.frames import Poses
from pose_track.tracking.cues import CUES, CueContext, iou_cue
from pose_track.tracking.propagation import warp_tracks
from pose_track.tracking.similarity import Similarity
from pose_track.tracking.tracks import Tracks

repeatable = settings(derandomize=True, deadline=None, max_examples=60)


def values(tracks: Tracks, poses: Poses, seconds: float = 0.1) -> dict[str, float]:
    """All cues of one track and one pose."""
    context, index = CueContext(tracks, poses, seconds, 3.0), np.zeros(1, np.int64)
    return {name: float(cue(context, index, index)[0]) for name, cue in CUES.items()}


def similarity_of(tracks: Tracks, poses: Poses, weights: dict[str, float]) -> float:
    return float(Similarity(weights)(tracks, poses, 0.1).item())


@pytest.fixture
def pair() -> tuple[Tracks, Poses]:
    """A track and a pose for which all cues differ."""
    red, reddish = [1.0, 0.0, 0.0], [0.9, 0.44, 0.0]
    tracks = start_tracks(people_at(0, appearance=[red])).update(people_at(20, appearance=[red]), 0.05)
    return warp_tracks(tracks, StubWarp((10, 0))), people_at(45, appearance=[reddish])


@pytest.mark.parametrize(
    "weights",
    [
        *({name: 1.0} for name in CUES),
        {"oks": 1.0, "motion": 1.0},
        {"oks": 0.5, "iou": 2.0, "appearance": 1.5},
        {"oks": 0.3, "flow": 0.1, "motion": 4.0, "iou": 0.7, "appearance": 1.0},
    ],
    ids=lambda weights: "+".join(weights),
)
def test_the_weighted_mean_of_the_cues(pair: tuple[Tracks, Poses], weights: dict[str, float]) -> None:
    cues = values(*pair)
    assert len(set(cues.values())) == 5
    assert all(0 < value < 1 for value in cues.values())
    mean = sum(weight * cues[name] for name, weight in weights.items()) / sum(weights.values())
    assert similarity_of(*pair, weights) == pytest.approx(mean)


def test_unknown_cues_are_left_out_of_the_mean() -> None:
    tracks, poses = start_tracks(people_at(0)), people_at(20)
    cues = values(tracks, poses)
    assert np.isnan(cues["appearance"])
    assert similarity_of(tracks, poses, {"oks": 1.0, "appearance": 9.0}) == pytest.approx(cues["oks"])


@pytest.mark.parametrize("name", ["oks", "flow", "motion", "appearance"])
def test_without_known_cues_boxes_are_compared(name: str) -> None:
    tracks, poses = start_tracks(people_at(0, 300, joint_score=0.1)), people_at(WIDTH / 2, 300)
    values = Similarity({name: 2.0})(tracks, poses, 0.1)
    np.testing.assert_allclose(values, [[1 / 3, 0], [0, 1]], atol=1e-6)


@pytest.mark.parametrize(("a", "b"), [(0, 0), (0, 2), (3, 0)])
def test_no_tracks_or_no_poses(a: int, b: int) -> None:
    similarity = Similarity(dict.fromkeys(CUES, 1.0))
    assert similarity(start_tracks(people_at(*range(a))), people_at(*range(b)), 0.1).shape == (a, b)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["oks", "flow", "motion", "iou"]))
@repeatable
def test_only_dissimilar_pairs_are_left_out(seed: int, name: str) -> None:
    before, now = random_video(seed, num_frames=2, num_people=12)
    tracks = start_tracks(before)
    values = Similarity({name: 1.0})(tracks, now, 0.1)
    rows, cols = (indices.ravel() for indices in np.indices(values.shape))
    context = CueContext(tracks, now, 0.1, 3.0)
    expected = CUES[name](context, rows, cols)
    expected = np.where(np.isnan(expected), iou_cue(context, rows, cols), expected).reshape(values.shape)
    np.testing.assert_allclose(values, expected, atol=0.05)
    assert (values[expected > 0.05] > 0).all()


def test_a_moving_person_is_near_the_predicted_position() -> None:
    tracks = start_tracks(people_at(0))
    for index in range(1, 21):
        tracks = tracks.update(people_at(60 * index), index / 10)
    poses = people_at(1200 + 300)  # half a second later, more than two body sizes on
    assert Similarity({"motion": 1.0})(tracks, poses, 2.5).item() > 0.9


def test_a_warped_person_is_near_the_warped_joints() -> None:
    tracks = start_tracks(people_at(0), warped_frames=10)
    for _ in range(5):
        tracks = warp_tracks(tracks, StubWarp((60, 0))).mark_missed()
    assert similarity_of(tracks, people_at(300), {"flow": 1.0}) == pytest.approx(1)
    assert similarity_of(tracks, people_at(300), {"oks": 1.0}) == 0


def test_a_larger_sigma_scale_reaches_farther() -> None:
    tracks = start_tracks(people_at(0))
    assert Similarity({"oks": 1.0}, sigma_scale=10.0)(tracks, people_at(260), 0.0)[0, 0] > 0.2
    assert Similarity({"oks": 1.0}, sigma_scale=3.0)(tracks, people_at(260), 0.0)[0, 0] == 0


def crossing(step: float = 60.0) -> list[Poses]:
    """Two people of the same shape cross; between frames 2 and 3 each moves to the other's position."""
    return [people_at(step * index, 5 * step - step * index) for index in range(6)]


def test_motion_keeps_ids_at_a_crossing_where_position_does_not() -> None:
    assert assigned_ids(build_linker(Similarity({"oks": 1.0})), *crossing())[-1] == [2, 1]
    assert assigned_ids(build_linker(Similarity({"oks": 1.0, "motion": 1.0})), *crossing()) == [[1, 2]] * 6


def test_appearance_keeps_ids_at_a_crossing_where_position_does_not() -> None:
    frames = [replace(p, features=np.repeat(np.float32([[RED], [GREEN]]), 17, axis=1)) for p in crossing()]
    assert assigned_ids(build_linker(Similarity({"oks": 1.0})), *frames)[-1] == [2, 1]
    assert assigned_ids(build_linker(Similarity({"oks": 1.0, "appearance": 2.0})), *frames) == [[1, 2]] * 6


def test_the_flow_keeps_ids_when_the_camera_pans() -> None:
    """In each frame by the distance between the two people."""
    frames = [people_at(150 * index, 150 * index + 150) for index in range(4)]
    for weights, expected in (({"oks": 1.0}, [[1, 2], [2, 3], [3, 4], [4, 5]]), ({"flow": 1.0}, [[1, 2]] * 4)):
        tracker, ids = build_linker(Similarity(weights), flow=panning_flow(150)), []
        for frame, poses in zip(blank_frames(4), frames, strict=True):
            tracker.propose(frame)
            ids.append(tracker.assign(poses, frame).tolist())
        assert ids == expected


def test_two_people_crossing_at_a_low_frame_rate_keep_their_ids() -> None:
    """Two people, 90 px apart in height, cross by 60 px a frame each."""
    tracker = build_linker(Similarity({"oks": 1.0}))
    for time in frame_times(10):
        step = 60 * time.index
        assert tracker.assign(people_at((step, 0), (600 - step, 90)), time).tolist() == [1, 2]
