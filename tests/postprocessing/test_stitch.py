"""Stitching broken tracks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from postprocessing.synthetic_tracks import (
    FPS,
    annotated_sequences,
    jittered,
    seconds,
    sequence_of,
    track_ids,
    walker,
)

from pose_track.postprocessing.stitch import StitchLimits, body_velocity, stitch_tracks

LIMITS = StitchLimits(max_seconds=1.0, max_distance=0.15, max_drift=0.1)
repeatable = settings(derandomize=True, deadline=None, max_examples=40)


def stitched(sequence, limits=LIMITS):
    return stitch_tracks(sequence, seconds(sequence), limits)


CASES = {
    # case: (tracks, ids after stitching)
    "no tracks": ([], []),
    "one track": ([walker(range(5))], [1]),
    "one person, two tracks": ([walker(range(20)), walker(range(30, 50), track_id=2)], [1]),
    "the earlier id stays although it is higher": (
        [walker(range(20), track_id=7), walker(range(30, 50), track_id=2)],
        [7],
    ),
    "a chain": (
        [walker(range(20)), walker(range(25, 40), track_id=2), walker(range(50, 60), track_id=3)],
        [1],
    ),
    "too long a gap": ([walker(range(20)), walker(range(50, 60), track_id=2)], [1, 2]),
    "too far away": ([walker(range(20)), walker(range(30, 50), (60, 0), track_id=2)], [1, 2]),
    "opposite direction": (
        [walker(range(20)), walker(range(40, 60), (192, 0), (-60, 0), track_id=2)],
        [1, 2],
    ),
    "overlap in time": ([walker(range(20)), walker(range(19, 40), track_id=2)], [1, 2]),
    "two candidates": (
        [walker(range(20)), walker(range(30, 50), (5, 0), track_id=2), walker(range(30, 50), (-5, 0), track_id=3)],
        [1, 2, 3],
    ),
    "people without ids": ([walker(range(20), track_id=-1), walker(range(30, 50), track_id=-1)], [-1]),
}


@pytest.mark.parametrize(("pieces", "expected"), CASES.values(), ids=CASES)
def test_which_tracks_are_stitched(pieces, expected):
    assert track_ids(stitched(sequence_of(70, *pieces))) == sorted(expected)


def test_bodies_must_be_of_similar_size():
    places, people = walker(range(30, 50), track_id=2)
    centre = people.joints.mean(axis=1, keepdims=True)
    larger = replace(people, joints=centre + 1.5 * (people.joints - centre))
    assert track_ids(stitched(sequence_of(70, walker(range(20)), (places, larger)))) == [1, 2]


@pytest.mark.parametrize(
    ("limits", "shift", "expected"),
    [
        (LIMITS, 30, [1, 2]),
        (replace(LIMITS, max_distance=0.5), 30, [1]),  # each limit alone allows it
        (replace(LIMITS, max_drift=1.0), 30, [1]),
        (replace(LIMITS, max_seconds=0.0), 0, [1, 2]),
    ],
)
def test_limits(limits, shift, expected):
    sequence = sequence_of(70, walker(range(20)), walker(range(30, 50), (shift, 0), track_id=2))
    assert track_ids(stitched(sequence, limits)) == expected


def test_body_velocity_is_robust_to_noisy_joints():
    joints = walker(range(10), velocity=(50, -20))[1].joints
    joints[:, :4] += np.random.default_rng(0).normal(0, 100, (10, 4, 2))
    np.testing.assert_allclose(body_velocity(joints, np.arange(10) / FPS), (50, -20), atol=1e-9)
    assert body_velocity(joints[:1], np.zeros(1)).tolist() == [0, 0]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30), st.integers(0, 3)), max_size=7))
@repeatable
def test_stitching_is_idempotent_and_ids_stay_unique_within_a_frame(pieces):
    walkers = [
        walker(range(a, min(a + n, 80)), (15 * shift, 0), track_id=i) for i, (a, n, shift) in enumerate(pieces, start=1)
    ]
    once = stitched(sequence_of(80, *walkers))
    twice = stitched(once)
    np.testing.assert_array_equal(twice.people.track_ids, once.people.track_ids)
    pairs = list(zip(once.frame_indices.tolist(), once.people.track_ids.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)


def test_real_broken_tracks_are_stitched():
    """Half a second in the middle of every track is removed; most tracks are stitched to their own continuation."""
    num_correct = num_wrong = num_broken = 0
    for sequence in annotated_sequences():
        ids_before = sequence.people.track_ids
        cut = jittered(sequence, 0.02)
        place = cut.frame_indices
        keep = (place < 15) | (place > 26)
        cut = replace(
            cut,
            people=replace(cut.people, track_ids=ids_before + 1000 * (place > 26))[keep],
            frame_indices=place[keep],
        )
        after = stitched(cut).people.track_ids
        for late in set(cut.people.track_ids[cut.people.track_ids >= 1000].tolist()):
            new = after[cut.people.track_ids == late][0]
            num_broken += (cut.people.track_ids == late - 1000).any()
            num_correct += new == late - 1000
            num_wrong += new not in (late, late - 1000)
    assert num_broken > 15
    assert num_correct > 0.6 * num_broken
    assert num_wrong <= 0.05 * num_broken
