"""People who stand apart from all others."""

from __future__ import annotations

import numpy as np
from tracking.synthetic_people import GREEN, RED, SIZE, people_at, start_tracks

from pose_track.tracking.overlap import stand_apart
from pose_track.tracking.tracks import Tracks

FAR, NEAR = 5 * SIZE, SIZE / 4


def test_nobody() -> None:
    none = np.zeros(0, np.int64)
    assert stand_apart(start_tracks(people_at(0)), people_at(), none, none, 0.1).shape == (0,)


def test_two_poses_that_overlap_and_one_apart() -> None:
    poses, every = people_at(0, NEAR, FAR), np.arange(3)
    assert stand_apart(start_tracks(poses), poses, every, every, 0.1).tolist() == [False, False, True]


def test_somebody_just_missed_may_be_in_the_same_box() -> None:
    """The track at NEAR has no pose any more; after a second it is no longer thought to be there."""
    tracks, poses = start_tracks(people_at(0, NEAR)), people_at(0)
    first = np.zeros(1, np.int64)
    seen = [stand_apart(tracks, poses, first, first, seconds).item() for seconds in (0.1, 0.9, 1.1)]
    assert seen == [False, False, True]


def test_appearance_is_learnt_from_people_apart_only() -> None:
    tracks = start_tracks(people_at(0, FAR, appearance=[RED, RED]))
    updated = tracks.update(people_at(0, FAR, appearance=[GREEN, GREEN]), 0.1, is_apart=np.array([False, True]))
    assert _is_unchanged(tracks, updated).tolist() == [True, False]


def _is_unchanged(before: Tracks, after: Tracks) -> np.ndarray:
    return (before.appearance.features == after.appearance.features).all(axis=(1, 2))
