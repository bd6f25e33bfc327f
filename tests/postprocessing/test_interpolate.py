"""Interpolating short gaps."""

from dataclasses import replace

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter
from postprocessing.synthetic_tracks import (
    FPS,
    annotated_sequences,
    jittered,
    mean_error,
    seconds,
    sequence_of,
    track_sizes,
    walker,
)

from pose_track.postprocessing.interpolate import InterpolateLimits, interpolate_gaps, interpolate_positions
from pose_track.structures.sequence import PoseAnnotations

LIMITS = InterpolateLimits(max_seconds=0.5, score_share=0.7)


def interpolated(sequence, limits=LIMITS):
    return interpolate_gaps(sequence, seconds(sequence), limits)


def test_an_empty_sequence_stays_empty():
    assert len(interpolated(sequence_of(5)).people) == 0
    assert len(interpolated(sequence_of(0)).people) == 0


@pytest.mark.parametrize(("num_missing", "is_interpolated"), [(1, True), (11, True), (12, False)])
def test_a_short_gap_is_interpolated_where_the_person_was(num_missing, is_interpolated):
    whole = sequence_of(50, walker(range(50)))
    result = interpolated(sequence_of(50, walker([*range(20), *range(20 + num_missing, 50)])))
    assert len(result.people) == (50 if is_interpolated else 50 - num_missing)
    if is_interpolated:
        np.testing.assert_allclose(result.people.joints, whole.people.joints, atol=1e-6)
        np.testing.assert_allclose(result.people.boxes, whole.people.boxes, atol=1e-6)


def test_an_interpolated_pose_has_its_own_source_and_lower_scores():
    sequence = sequence_of(20, walker([*range(10), *range(12, 20)], score=0.8))
    sequence.people.scores[10] = 0.6
    sequence.people.joint_scores[9, 3] = 0.5
    result = interpolated(sequence).people
    assert [extra["source"] for extra in result.extra[9:13]] == ["detector", "filled", "filled", "detector"]
    assert result.scores[10] == pytest.approx(0.7 * 0.6)
    assert result.joint_scores[10, 3] == pytest.approx(0.7 * 0.5)
    assert result.joint_scores[10, 4] == pytest.approx(0.7 * 0.8)
    assert (result.flags[10] == -1).all()


def test_a_joint_missing_for_a_short_time_is_interpolated_and_nothing_else_changes():
    places, people = walker(range(40))
    people.joints[10:14, 5], people.joint_scores[10:14, 5] = np.nan, np.nan
    people.joints[:3, 6], people.joints[20:35, 7] = np.nan, np.nan  # at the start of the track; for too long
    sequence = sequence_of(40, (places, people))
    result = interpolated(sequence)
    had_joint = sequence.people.has_joint
    assert np.argwhere(result.people.has_joint & ~had_joint).tolist() == [[t, 5] for t in range(10, 14)]
    np.testing.assert_allclose(result.people.joints[10:14, 5], walker(range(10, 14))[1].joints[:, 5], atol=1e-6)
    assert result.people.joint_scores[10, 5] == pytest.approx(0.7 * 0.8)
    np.testing.assert_array_equal(result.people.joints[had_joint], sequence.people.joints[had_joint])
    np.testing.assert_array_equal(result.people.boxes, sequence.people.boxes)


def test_no_pose_is_interpolated_where_another_person_is():
    gap = walker([*range(20), *range(25, 40)])
    assert len(interpolated(sequence_of(40, gap, walker(range(20, 25), (3, 3), track_id=2))).people) == 40
    assert len(interpolated(sequence_of(40, gap, walker(range(20, 25), (30, 3), track_id=2))).people) == 45


def test_a_limit_of_0_interpolates_nothing():
    sequence = sequence_of(20, walker([*range(10), *range(12, 20)]))
    assert len(interpolated(sequence, replace(LIMITS, max_seconds=0.0)).people) == 18


def test_missing_scores_stay_missing():
    places, people = walker([*range(10), *range(12, 20)])
    result = interpolated(
        sequence_of(20, (places, PoseAnnotations.from_joints(people.joints, track_ids=people.track_ids)))
    ).people
    assert len(result) == 20
    assert np.isnan(result.scores).all()
    assert np.isnan(result.joint_scores).all()
    assert not result.extra[10]


def test_the_spline_equals_a_kalman_filter_with_rts_smoother():
    """filterpy's, with constant velocity and a very uncertain start."""
    rng = np.random.default_rng(3)
    known = np.array([0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14])
    path = np.cumsum(rng.normal(0, 1, (15, 2)), axis=0)
    step, noise, diffusion = 1 / FPS, 0.03, 2.0
    smoother = KalmanFilter(dim_x=2, dim_z=1)
    smoother.F, smoother.H, smoother.R = np.array([[1, step], [0, 1]]), np.array([[1.0, 0]]), np.eye(1) * noise**2
    smoother.Q = diffusion**2 * np.array([[step**3 / 3, step**2 / 2], [step**2 / 2, step]])
    for axis in (0, 1):
        smoother.x, smoother.P = np.zeros((2, 1)), np.eye(2) * 1e6
        means, covariances = [], []
        for t in range(15):
            if t:
                smoother.predict()
            smoother.update(path[t, axis] if t in known else None)
            means.append(smoother.x.copy())
            covariances.append(smoother.P.copy())
        expected = smoother.rts_smoother(np.array(means), np.array(covariances))[0][6:10, 0, 0]
        result = interpolate_positions(known / FPS, path[known], np.arange(6, 10) / FPS)[:, axis]
        np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_real_gaps_are_interpolated_better_than_linearly(noise):
    spline_errors, linear_errors = [], []
    for sequence in annotated_sequences(4):
        given = jittered(sequence, noise)
        gap = (sequence.frame_indices >= 15) & (sequence.frame_indices < 23)
        ends = (sequence.frame_indices == 14) | (sequence.frame_indices == 23)
        for track_id in set(sequence.people.track_ids.tolist()):
            in_track = sequence.people.track_ids == track_id
            for k in range(15):
                known = in_track & ~gap & sequence.people.has_joint[:, k]
                wanted = in_track & gap & sequence.people.has_joint[:, k]
                if wanted.sum() < 8 or (known & ends).sum() < 2:
                    continue
                near = known & (abs(sequence.frame_indices - 18.5) < 12)
                time, positions = sequence.frame_indices / FPS, given.people.joints[:, k]
                gt, size = sequence.people.joints[wanted, k], track_sizes(sequence)[wanted]
                for errors, points in ((spline_errors, near), (linear_errors, known & ends)):
                    if errors is spline_errors:
                        guess = interpolate_positions(time[points], positions[points], time[wanted])
                    else:
                        columns = [np.interp(time[wanted], time[points], positions[points, a]) for a in (0, 1)]
                        guess = np.stack(columns, axis=1)
                    errors.append((np.hypot(*(guess - gt).T) / size).mean())
    assert len(spline_errors) > 100
    assert np.mean(spline_errors) < np.mean(linear_errors)


def test_error_of_interpolated_poses():
    """The whole step on real people: the error of the interpolated poses is about that of jitter."""
    sequence = annotated_sequences(1)[0]
    missing = np.isin(sequence.frame_indices, (10, 11, 12, 20))
    given = replace(sequence, people=sequence.people[~missing], frame_indices=sequence.frame_indices[~missing])
    result = interpolated(given)
    assert len(result.people) == len(sequence.people)
    order = np.lexsort((result.people.track_ids, result.frame_indices))
    gt_order = np.lexsort((sequence.people.track_ids, sequence.frame_indices))
    predicted, gt = replace(result, people=result.people[order]), replace(sequence, people=sequence.people[gt_order])
    assert mean_error(predicted, gt) < 0.01
