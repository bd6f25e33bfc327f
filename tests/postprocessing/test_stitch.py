from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_tracks import FPS, ids, jittered, seconds, together, true_sequences, walker

from pose_track.postprocessing.stitch import JoinLimits, body_velocity, join_tracks

LIMITS = JoinLimits(max_seconds=1.0, max_distance=0.15, max_drift=0.1)
repeatable = settings(derandomize=True, deadline=None, max_examples=40)


def joined(sequence, limits=LIMITS):
    return join_tracks(sequence, seconds(sequence), limits)


CASES = {
    # what: (pieces, ids afterwards)
    "nobody": ([], []),
    "one track": ([walker(range(5))], [1]),
    "a person goes on": ([walker(range(20)), walker(range(30, 50), track_id=2)], [1]),
    "the older id stays though it is higher": ([walker(range(20), track_id=7), walker(range(30, 50), track_id=2)], [7]),
    "a chain": (
        [walker(range(20)), walker(range(25, 40), track_id=2), walker(range(50, 60), track_id=3)],
        [1],
    ),
    "unseen for too long": ([walker(range(20)), walker(range(50, 60), track_id=2)], [1, 2]),
    "elsewhere": ([walker(range(20)), walker(range(30, 50), (60, 0), track_id=2)], [1, 2]),
    "going the other way": (
        [walker(range(20)), walker(range(40, 60), (192, 0), (-60, 0), track_id=2)],
        [1, 2],
    ),
    "seen at the same time": ([walker(range(20)), walker(range(19, 40), track_id=2)], [1, 2]),
    "two who could go on": (
        [walker(range(20)), walker(range(30, 50), (5, 0), track_id=2), walker(range(30, 50), (-5, 0), track_id=3)],
        [1, 2, 3],
    ),
    "nobody's people": ([walker(range(20), track_id=-1), walker(range(30, 50), track_id=-1)], [-1]),
}


@pytest.mark.parametrize(("pieces", "expected"), CASES.values(), ids=CASES)
def test_which_tracks_join(pieces, expected):
    assert ids(joined(together(70, *pieces))) == sorted(expected)


def test_bodies_must_be_of_a_size():
    places, people = walker(range(30, 50), track_id=2)
    centre = people.joints.mean(axis=1, keepdims=True)
    larger = replace(people, joints=centre + 1.5 * (people.joints - centre))
    assert ids(joined(together(70, walker(range(20)), (places, larger)))) == [1, 2]


@pytest.mark.parametrize(
    ("limits", "shift", "expected"),
    [
        (LIMITS, 30, [1, 2]),
        (replace(LIMITS, max_distance=0.5), 30, [1]),  # each limit by itself allows it
        (replace(LIMITS, max_drift=1.0), 30, [1]),
        (replace(LIMITS, max_seconds=0.0), 0, [1, 2]),
    ],
)
def test_limits(limits, shift, expected):
    sequence = together(70, walker(range(20)), walker(range(30, 50), (shift, 0), track_id=2))
    assert ids(joined(sequence, limits)) == expected


def test_velocity_is_that_of_the_body_in_spite_of_wild_joints():
    joints = walker(range(10), velocity=(50, -20))[1].joints
    joints[:, :4] += np.random.default_rng(0).normal(0, 100, (10, 4, 2))
    np.testing.assert_allclose(body_velocity(joints, np.arange(10) / FPS), (50, -20), atol=1e-9)
    assert body_velocity(joints[:1], np.zeros(1)).tolist() == [0, 0]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30), st.integers(0, 3)), max_size=7))
@repeatable
def test_once_is_enough_and_ids_stay_unique_within_a_frame(pieces):
    walkers = [
        walker(range(a, min(a + n, 80)), (15 * shift, 0), track_id=i) for i, (a, n, shift) in enumerate(pieces, start=1)
    ]
    once = joined(together(80, *walkers))
    twice = joined(once)
    np.testing.assert_array_equal(twice.people.track_ids, once.people.track_ids)
    pairs = list(zip(once.frame_of.tolist(), once.people.track_ids.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)


def test_real_tracks_that_broke_join_again():
    """Half a second of each track in the middle is cut out, all at once; most ends find their own beginning."""
    right = wrong = broken = 0
    for sequence in true_sequences():
        ids_before = sequence.people.track_ids
        cut = jittered(sequence, 0.02)
        place = cut.frame_of
        keep = (place < 15) | (place > 26)
        cut = replace(
            cut,
            people=replace(cut.people, track_ids=ids_before + 1000 * (place > 26))[keep],
            frame_of=place[keep],
        )
        after = joined(cut).people.track_ids
        for late in set(cut.people.track_ids[cut.people.track_ids >= 1000].tolist()):
            new = after[cut.people.track_ids == late][0]
            broken += (cut.people.track_ids == late - 1000).any()
            right += new == late - 1000
            wrong += new not in (late, late - 1000)
    assert broken > 15
    assert right > 0.6 * broken
    assert wrong <= 0.05 * broken
