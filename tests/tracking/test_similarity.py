"""The mean of the cues: weights, gates, what tells nothing, and which pairs are looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracking.made_people import (
    GREEN,
    RED,
    WIDTH,
    StubStep,
    drifting,
    ids_in,
    images,
    random_video,
    standing,
    times,
    tracker_of,
    tracks_of,
)

from pose_track.structures.frames import Poses
from pose_track.tracking.cues import CUES, Scene, iou_cue
from pose_track.tracking.propagation import warp
from pose_track.tracking.similarity import Similarity
from pose_track.tracking.tracks import Tracks

repeatable = settings(derandomize=True, deadline=None, max_examples=60)


def values(tracks: Tracks, poses: Poses, seconds: float = 0.1) -> dict[str, float]:
    """Each cue of one track and one pose."""
    scene, one = Scene(tracks, poses, seconds, 3.0), np.zeros(1, np.int64)
    return {name: float(cue(scene, one, one)[0]) for name, cue in CUES.items()}


def similar(tracks: Tracks, poses: Poses, weights: dict[str, float], gates: dict[str, float] | None = None) -> float:
    return float(Similarity(weights, gates or {})(tracks, poses, 0.1).item())


@pytest.fixture
def pair() -> tuple[Tracks, Poses]:
    """A track and a pose of which every cue tells something else."""
    red, reddish = [1.0, 0.0, 0.0], [0.9, 0.44, 0.0]
    tracks = tracks_of(standing(0, appearance=[red])).seen(standing(20, appearance=[red]), 1, 0.05)
    return warp(tracks, StubStep((10, 0))), standing(45, appearance=[reddish])


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
    mean = sum(share * cues[name] for name, share in weights.items()) / sum(weights.values())
    assert similar(*pair, weights) == pytest.approx(mean)


def test_what_tells_nothing_is_left_out_of_the_mean() -> None:
    tracks, poses = tracks_of(standing(0)), standing(20)
    cues = values(tracks, poses)
    assert np.isnan(cues["appearance"])
    assert similar(tracks, poses, {"oks": 1.0, "appearance": 9.0}) == pytest.approx(cues["oks"])


@pytest.mark.parametrize("name", ["oks", "flow", "motion", "appearance"])
def test_where_nothing_tells_anything_boxes_are_compared(name: str) -> None:
    tracks, poses = tracks_of(standing(0, 300, joint_score=0.1)), standing(WIDTH / 2, 300)
    found = Similarity({name: 2.0})(tracks, poses, 0.1)
    np.testing.assert_allclose(found, [[1 / 3, 0], [0, 1]], atol=1e-6)


@pytest.mark.parametrize("name", CUES)
def test_gates(pair: tuple[Tracks, Poses], name: str) -> None:
    value = values(*pair)[name]
    weights = {"oks": 1.0}
    assert similar(*pair, weights, {name: value}) == similar(*pair, weights)  # a gate is the least there may be
    assert similar(*pair, weights, {name: value + 1e-6}) == 0


def test_a_gate_is_open_where_its_cue_tells_nothing() -> None:
    tracks, poses = tracks_of(standing(0)), standing(20)
    gates = {"appearance": 1.0, "flow": 0.5}
    assert similar(tracks, poses, {"oks": 1.0}, gates) == similar(tracks, poses, {"oks": 1.0}) > 0


@pytest.mark.parametrize(("a", "b"), [(0, 0), (0, 2), (3, 0)])
def test_nobody(a: int, b: int) -> None:
    similarity = Similarity(dict.fromkeys(CUES, 1.0))
    assert similarity(tracks_of(standing(*range(a))), standing(*range(b)), 0.1).shape == (a, b)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["oks", "flow", "motion", "iou"]))
@repeatable
def test_only_pairs_that_are_nothing_to_each_other_are_left_out(seed: int, name: str) -> None:
    before, now = random_video(seed, num_frames=2, num_people=12)
    tracks = tracks_of(before)
    found = Similarity({name: 1.0})(tracks, now, 0.1)
    rows, cols = (indices.ravel() for indices in np.indices(found.shape))
    scene = Scene(tracks, now, 0.1, 3.0)
    expected = CUES[name](scene, rows, cols)
    expected = np.where(np.isnan(expected), iou_cue(scene, rows, cols), expected).reshape(found.shape)
    np.testing.assert_allclose(found, expected, atol=0.05)
    assert (found[expected > 0.05] > 0).all()


def test_who_has_moved_on_is_near_where_expected() -> None:
    tracks = tracks_of(standing(0))
    for index in range(1, 21):
        tracks = tracks.seen(standing(60 * index), index, index / 10)
    poses = standing(1200 + 300)  # half a second later, more than two body sizes on
    assert Similarity({"motion": 1.0})(tracks, poses, 2.5).item() > 0.9


def test_who_was_carried_far_is_near_where_the_flow_ends() -> None:
    tracks = tracks_of(standing(0), num_carried=10)
    for _ in range(5):
        tracks = warp(tracks, StubStep((60, 0))).missed()
    assert similar(tracks, standing(300), {"flow": 1.0}) == pytest.approx(1)
    assert similar(tracks, standing(300), {"oks": 1.0}) == 0


def test_a_wider_measure_reaches_farther() -> None:
    tracks = tracks_of(standing(0))
    assert Similarity({"oks": 1.0}, sigma_scale=10.0)(tracks, standing(260), 0.0)[0, 0] > 0.2
    assert Similarity({"oks": 1.0}, sigma_scale=3.0)(tracks, standing(260), 0.0)[0, 0] == 0


def crossing(step: float = 60.0) -> list[Poses]:
    """Two people of the same build pass each other; between frames 2 and 3 they come to be in each other's place."""
    return [standing(step * index, 5 * step - step * index) for index in range(6)]


def test_motion_tells_two_apart_who_pass_where_places_do_not() -> None:
    assert ids_in(tracker_of(Similarity({"oks": 1.0})), *crossing())[-1] == [2, 1]
    assert ids_in(tracker_of(Similarity({"oks": 1.0, "motion": 1.0})), *crossing()) == [[1, 2]] * 6


def test_looks_tell_two_apart_who_pass_where_places_do_not() -> None:
    frames = [replace(p, features=np.repeat(np.float32([[RED], [GREEN]]), 17, axis=1)) for p in crossing()]
    assert ids_in(tracker_of(Similarity({"oks": 1.0})), *frames)[-1] == [2, 1]
    assert ids_in(tracker_of(Similarity({"oks": 1.0, "appearance": 2.0})), *frames) == [[1, 2]] * 6


def test_the_flow_tells_two_apart_when_the_camera_turns() -> None:
    """By as much in each frame as they stand apart."""
    frames = [standing(150 * index, 150 * index + 150) for index in range(4)]
    for weights, expected in (({"oks": 1.0}, [[1, 2], [2, 3], [3, 4], [4, 5]]), ({"flow": 1.0}, [[1, 2]] * 4)):
        tracker, found = tracker_of(Similarity(weights), flow=drifting(150)), []
        for frame, poses in zip(images(4), frames, strict=True):
            tracker.propose(frame)
            found.append(tracker.assign(poses, frame).tolist())
        assert found == expected


def test_two_who_pass_each_other_at_five_frames_a_second_keep_their_ids() -> None:
    """Two standing people, one high above the other, cross at a third of their height a frame."""
    tracker = tracker_of(Similarity({"oks": 1.0}))
    for time in times(10):
        step = 60 * time.index
        assert tracker.assign(standing((step, 0), (600 - step, 90)), time).tolist() == [1, 2]
