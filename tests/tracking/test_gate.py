"""The gate: what no body could do is refused, what the filter or the flow explains is not."""

from __future__ import annotations

import numpy as np
import pytest
from tracking.synthetic_people import GREEN, RED, SIZE, StubWarp, assigned_ids, build_linker, people_at, start_tracks

from pose_track.structures.frames import Poses
from pose_track.tracking.cues import CueContext
from pose_track.tracking.gate import is_possible
from pose_track.tracking.propagation import warp_tracks
from pose_track.tracking.similarity import Similarity
from pose_track.tracking.tracks import Tracks

FRAME_SECONDS = 0.04


def walked(step: float = 0.0, num_frames: int = 20) -> Tracks:
    """One person, after walking by `step` pixels a frame to x = 0."""
    first = -step * (num_frames - 1)
    tracks = start_tracks(people_at(first, appearance=[RED]))
    for index in range(1, num_frames):
        tracks = tracks.update(people_at(first + step * index, appearance=[RED]), index * FRAME_SECONDS)
    return tracks


def is_allowed(tracks: Tracks, poses: Poses, frames_later: int = 1) -> bool:
    seconds = float(tracks.motion.seconds[0]) + frames_later * FRAME_SECONDS
    zero = np.zeros(1, np.int64)
    return bool(is_possible(CueContext(tracks, poses, seconds, 3.0), zero, zero).item())


def test_a_jump_is_refused_until_there_was_time_for_it() -> None:
    tracks, pose = walked(), people_at(0.5 * SIZE, appearance=[RED])
    assert [is_allowed(tracks, pose, frames) for frames in (1, 2, 25)] == [False, False, True]


def test_the_predicted_position_is_in_place_and_the_last_one_is_not() -> None:
    """A runner of half a body size a frame."""
    step = 0.5 * SIZE
    tracks = warp_tracks(walked(step), StubWarp((step, 0)))
    assert is_allowed(tracks, people_at(step, appearance=[RED]))
    assert not is_allowed(tracks, people_at(0, appearance=[RED]))


def test_a_jump_that_the_flow_shows_is_allowed() -> None:
    tracks, pose = walked(), people_at(150, appearance=[RED])
    assert not is_allowed(tracks, pose)
    assert is_allowed(warp_tracks(tracks, StubWarp((150, 0))), pose)


@pytest.mark.parametrize("factor", [0.6, 1.6])
def test_a_sudden_change_of_size_is_refused(factor: float) -> None:
    tracks, pose = walked(), people_at(0, appearance=[RED], scale=factor)
    assert not is_allowed(tracks, pose)
    assert is_allowed(tracks, people_at(0, appearance=[RED], scale=1 + (factor - 1) / 4))
    assert is_allowed(tracks, pose, frames_later=25)


def test_other_looks_are_refused_and_unknown_ones_are_not() -> None:
    assert not is_allowed(walked(), people_at(0, appearance=[GREEN]))
    assert is_allowed(walked(), people_at(0))


def test_looks_do_not_outvote_the_gate() -> None:
    """A person in the same clothes appears beside where somebody stood until now."""
    stands, away = people_at(0, appearance=[RED]), people_at(170, appearance=[RED])
    for gate, expected in ((False, [1]), (True, [2])):
        tracker = build_linker(Similarity({"motion": 1.0, "appearance": 2.0}, gate=gate))
        assert assigned_ids(tracker, *[stands] * 10, away)[-1] == expected
