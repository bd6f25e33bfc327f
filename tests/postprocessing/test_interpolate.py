from dataclasses import replace

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter
from made_tracks import FPS, error, jittered, seconds, sizes, together, true_sequences, walker

from pose_track.postprocessing.interpolate import FillLimits, between, fill_gaps
from pose_track.structures.sequence import People

LIMITS = FillLimits(max_seconds=0.5, score_share=0.7)


def filled(sequence, limits=LIMITS):
    return fill_gaps(sequence, seconds(sequence), limits)


def test_nobody_stays_nobody():
    assert len(filled(together(5)).people) == 0
    assert len(filled(together(0)).people) == 0


@pytest.mark.parametrize(("missing", "comes_back"), [(1, True), (11, True), (12, False)])
def test_a_short_gap_is_filled_to_the_place_where_the_person_was(missing, comes_back):
    whole = together(50, walker(range(50)))
    done = filled(together(50, walker([*range(20), *range(20 + missing, 50)])))
    assert len(done.people) == (50 if comes_back else 50 - missing)
    if comes_back:
        np.testing.assert_allclose(done.people.joints, whole.people.joints, atol=1e-6)
        np.testing.assert_allclose(done.people.boxes, whole.people.boxes, atol=1e-6)


def test_what_is_filled_says_so():
    sequence = together(20, walker([*range(10), *range(12, 20)], score=0.8))
    sequence.people.scores[10] = 0.6
    sequence.people.joint_scores[9, 3] = 0.5
    done = filled(sequence).people
    assert [more["source"] for more in done.more[9:13]] == ["detector", "filled", "filled", "detector"]
    assert done.scores[10] == pytest.approx(0.7 * 0.6)
    assert done.joint_scores[10, 3] == pytest.approx(0.7 * 0.5)
    assert done.joint_scores[10, 4] == pytest.approx(0.7 * 0.8)
    assert (done.flags[10] == -1).all()


def test_a_joint_missing_for_a_while_is_filled_and_nothing_else_changes():
    places, people = walker(range(40))
    people.joints[10:14, 5], people.joint_scores[10:14, 5] = np.nan, np.nan
    people.joints[:3, 6], people.joints[20:35, 7] = np.nan, np.nan  # at an end; for too long
    sequence = together(40, (places, people))
    done = filled(sequence)
    was = sequence.people.has_joint
    assert np.argwhere(done.people.has_joint & ~was).tolist() == [[t, 5] for t in range(10, 14)]
    np.testing.assert_allclose(done.people.joints[10:14, 5], walker(range(10, 14))[1].joints[:, 5], atol=1e-6)
    assert done.people.joint_scores[10, 5] == pytest.approx(0.7 * 0.8)
    np.testing.assert_array_equal(done.people.joints[was], sequence.people.joints[was])
    np.testing.assert_array_equal(done.people.boxes, sequence.people.boxes)


def test_nobody_is_filled_in_where_somebody_is():
    gap = walker([*range(20), *range(25, 40)])
    assert len(filled(together(40, gap, walker(range(20, 25), (3, 3), track_id=2))).people) == 40
    assert len(filled(together(40, gap, walker(range(20, 25), (30, 3), track_id=2))).people) == 45


def test_limits_of_nothing_fill_nothing():
    sequence = together(20, walker([*range(10), *range(12, 20)]))
    assert len(filled(sequence, replace(LIMITS, max_seconds=0.0)).people) == 18


def test_scores_that_are_not_told_stay_so():
    places, people = walker([*range(10), *range(12, 20)])
    done = filled(together(20, (places, People.of(people.joints, track_ids=people.track_ids)))).people
    assert len(done) == 20
    assert np.isnan(done.scores).all()
    assert np.isnan(done.joint_scores).all()
    assert not done.more[10]


def test_the_spline_is_what_a_kalman_filter_and_its_smoother_give():
    """filterpy's, of constant velocity, with next to no knowledge of the start."""
    rng = np.random.default_rng(3)
    known = np.array([0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14])
    path = np.cumsum(rng.normal(0, 1, (15, 2)), axis=0)
    step, noise, stray = 1 / FPS, 0.03, 2.0
    smoother = KalmanFilter(dim_x=2, dim_z=1)
    smoother.F, smoother.H, smoother.R = np.array([[1, step], [0, 1]]), np.array([[1.0, 0]]), np.eye(1) * noise**2
    smoother.Q = stray**2 * np.array([[step**3 / 3, step**2 / 2], [step**2 / 2, step]])
    for axis in (0, 1):
        smoother.x, smoother.P = np.zeros((2, 1)), np.eye(2) * 1e6
        means, spreads = [], []
        for t in range(15):
            if t:
                smoother.predict()
            smoother.update(path[t, axis] if t in known else None)
            means.append(smoother.x.copy())
            spreads.append(smoother.P.copy())
        expected = smoother.rts_smoother(np.array(means), np.array(spreads))[0][6:10, 0, 0]
        got = between(known / FPS, path[known], np.arange(6, 10) / FPS)[:, axis]
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_real_gaps_are_filled_better_than_along_a_line(noise):
    spline, line = [], []
    for sequence in true_sequences(4):
        given = jittered(sequence, noise)
        gap = (sequence.frame_of >= 15) & (sequence.frame_of < 23)
        ends = (sequence.frame_of == 14) | (sequence.frame_of == 23)
        for track_id in set(sequence.people.track_ids.tolist()):
            its = sequence.people.track_ids == track_id
            for k in range(15):
                known = its & ~gap & sequence.people.has_joint[:, k]
                wanted = its & gap & sequence.people.has_joint[:, k]
                if wanted.sum() < 8 or (known & ends).sum() < 2:
                    continue
                near = known & (abs(sequence.frame_of - 18.5) < 12)
                time, at = sequence.frame_of / FPS, given.people.joints[:, k]
                truth, size = sequence.people.joints[wanted, k], sizes(sequence)[wanted]
                for out, points in ((spline, near), (line, known & ends)):
                    if out is spline:
                        guess = between(time[points], at[points], time[wanted])
                    else:
                        columns = [np.interp(time[wanted], time[points], at[points, a]) for a in (0, 1)]
                        guess = np.stack(columns, axis=1)
                    out.append((np.hypot(*(guess - truth).T) / size).mean())
    assert len(spline) > 100
    assert np.mean(spline) < np.mean(line)


def test_error_of_what_comes_back():
    """The whole step on real people: what is filled in is about as near to the truth as what jitter leaves."""
    sequence = true_sequences(1)[0]
    lost = np.isin(sequence.frame_of, (10, 11, 12, 20))
    given = replace(sequence, people=sequence.people[~lost], frame_of=sequence.frame_of[~lost])
    done = filled(given)
    assert len(done.people) == len(sequence.people)
    order = np.lexsort((done.people.track_ids, done.frame_of))
    usual = np.lexsort((sequence.people.track_ids, sequence.frame_of))
    found, truth = replace(done, people=done.people[order]), replace(sequence, people=sequence.people[usual])
    assert error(found, truth) < 0.01
