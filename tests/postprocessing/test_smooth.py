"""Smoothing trajectories, and the filters."""

import json
from dataclasses import fields, replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
from shared_data import shared

from pose_track.config.postprocessing import SmoothSettings
from pose_track.postprocessing.filters import build_filter, butterworth, one_euro, savgol
from pose_track.postprocessing.smooth import jitter, smooth_tracks
from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import COCO_17

METHODS = ("one_euro", "savgol", "butterworth")
every_method = pytest.mark.parametrize("method", METHODS)
repeatable = settings(derandomize=True, deadline=None, max_examples=30)


def default_filter(method):
    return build_filter(**SmoothSettings(method=method).model_dump())


def smoothed(sequence, method, fps=FPS):
    return smooth_tracks(sequence, seconds(sequence, fps), default_filter(method))


@pytest.fixture(scope="module")
def gt_sequences():
    return annotated_sequences(3)


def rendered():
    """A slow motion with exact joints."""
    frames = json.loads(shared("data/videos/arms_rendered_coco17.json").read_text())
    joints = np.array([[[frame[n]["x"], frame[n]["y"]] for n in COCO_17.joint_names] for frame in frames])
    people = PoseAnnotations.from_joints(joints, track_ids=np.ones(len(joints), np.int64))
    return PoseSequence(
        "arms", COCO_17, tuple(FrameInfo(i) for i in range(len(joints))), people, np.arange(len(joints))
    )


@every_method
@pytest.mark.parametrize("noise", [0.015, 0.03, 0.05])
def test_jitter_decreases_on_real_motion(gt_sequences, method, noise):
    for sequence in gt_sequences:
        given = jittered(sequence, noise)
        assert mean_error(smoothed(given, method), sequence) < 0.92 * mean_error(given, sequence)


@every_method
def test_jitter_decreases_much_on_slow_motion(method):
    sequence = rendered()
    given = jittered(sequence, 0.01)
    assert mean_error(smoothed(given, method, 30), sequence) < 0.7 * mean_error(given, sequence)


@every_method
def test_exact_smooth_motion_stays_within_a_thousandth_of_the_body(method):
    sequence = rendered()
    moved = np.hypot(*np.moveaxis(smoothed(sequence, method, 30).people.joints - sequence.people.joints, -1, 0))
    assert (moved / track_sizes(sequence)[:, None]).max() < 0.001


def mean(arrays):
    return np.nanmean(np.concatenate([array.ravel() for array in arrays]))


@pytest.mark.parametrize("method", ["savgol", "butterworth"])
def test_fast_real_motion_does_not_get_worse(method):
    """Joints that move by more than 2.5 % of the body size a frame, with 1 % of jitter."""
    before, after = [], []
    for sequence in annotated_sequences(12):
        given = jittered(sequence, 0.01)
        result = smoothed(given, method)
        for track_id in set(sequence.people.track_ids.tolist()):
            rows = sequence.people.track_ids == track_id
            size, gt = track_sizes(sequence)[rows][0], sequence.people.joints[rows]
            step = np.hypot(*np.moveaxis(np.diff(gt, axis=0), -1, 0)) / size
            visible = ~np.isnan(step).all(axis=0)
            fast = np.flatnonzero(visible)[np.nanmedian(step[:, visible], axis=0) > 0.025]
            for errors, predicted in ((before, given), (after, result)):
                difference = predicted.people.joints[rows][:, fast] - gt[:, fast]
                errors.append(np.hypot(*np.moveaxis(difference, -1, 0)) / size)
    assert sum((~np.isnan(errors)).sum() for errors in before) > 1000
    assert mean(after) < mean(before)


@every_method
def test_only_positions_change(method):
    given = jittered(sequence_of(40, walker(range(40)), walker(range(5, 35), (90, 0), track_id=2)), 0.02)
    before = given.people.joints.copy()
    result = smoothed(given, method)
    for field in fields(PoseAnnotations):
        if field.name != "joints":
            np.testing.assert_array_equal(getattr(result.people, field.name), getattr(given.people, field.name))
    np.testing.assert_array_equal(given.people.joints, before)
    assert (result.people.joints != before).any()


@every_method
@given(st.lists(st.booleans(), max_size=40), st.lists(st.booleans(), min_size=40, max_size=40))
@repeatable
def test_absent_joints_stay_absent_and_short_trajectories_unchanged(method, is_visible, has_joint):
    places, people = walker(np.flatnonzero(is_visible))
    people.joints[~np.array(has_joint)[places], 3] = np.nan
    sequence = sequence_of(40, (places, people))
    result = smoothed(jittered(sequence, 0.02), method)
    np.testing.assert_array_equal(result.people.has_joint, sequence.people.has_joint)
    assert np.isfinite(result.people.joints[result.people.has_joint]).all()


@every_method
def test_trajectories_of_six_stay_and_a_gap_splits_trajectories(method):
    given = jittered(sequence_of(40, walker([*range(6), *range(10, 40)])), 0.02)
    result = smoothed(given, method)
    np.testing.assert_array_equal(result.people.joints[:6], given.people.joints[:6])
    assert (result.people.joints[8:] != given.people.joints[8:]).any()
    alone = smoothed(replace(given, people=given.people[6:], frame_indices=given.frame_indices[6:]), method)
    np.testing.assert_allclose(
        result.people.joints[6:], alone.people.joints, atol=0.05
    )  # the size is that of the track


def test_a_long_step_in_time_splits_trajectories():
    given = jittered(sequence_of(30, walker(range(30))), 0.02)
    times = seconds(given) + 0.5 * (np.arange(30) >= 24)
    result = smooth_tracks(given, times, default_filter("savgol"))
    np.testing.assert_array_equal(result.people.joints[24:], given.people.joints[24:])


@every_method
def test_a_low_score_outlier_is_corrected_and_a_high_score_one_hardly_moves(method):
    gt = sequence_of(40, walker(range(40)))
    for score, max_error, min_error in ((0.3, 10, 0), (0.9, 50, 30)):
        given = jittered(gt, 0.005)
        given.people.joints[20, 2] += 40
        given.people.joint_scores[20, 2] = score
        error = np.hypot(*(smoothed(given, method).people.joints[20, 2] - gt.people.joints[20, 2]))
        assert min_error < error + 1e-9 < 57
        assert error < max_error or score > 0.5


def test_jitter_is_measured_in_spite_of_motion_and_outliers():
    t = np.arange(400) / 25
    positions = np.stack([np.sin(2 * np.pi * 0.5 * t), 0.3 * t**2], axis=1)
    positions += np.random.default_rng(0).normal(0, 0.02, (400, 2))
    positions[::50] += 1
    assert jitter(positions) == pytest.approx(0.02, rel=0.2)


def sine(hz, rate=50, length=400):
    t = np.arange(length) / rate
    return np.stack([np.sin(2 * np.pi * hz * t), np.cos(2 * np.pi * hz * t)], axis=1), t


def gain(smooth, hz):
    """The gain of the amplitude, away from the ends."""
    positions, t = sine(hz)
    return np.hypot(*smooth(positions, t)[150:250].T).mean()


def test_butterworth_has_the_stated_cutoff_and_no_lag():
    smooth = partial(butterworth, cutoff_hz=5.0)
    assert gain(smooth, 5.0) == pytest.approx(0.5**0.5, abs=0.005)
    assert gain(smooth, 1.0) == pytest.approx(1, abs=0.005)
    assert gain(smooth, 20.0) < 0.02
    positions, t = sine(2.0)
    np.testing.assert_allclose(smooth(positions, t)[150:250], gain(smooth, 2.0) * positions[150:250], atol=1e-3)


def test_butterworth_does_not_change_a_low_frame_rate():
    positions, _ = sine(1.0)
    slow = np.arange(400) / 10
    assert butterworth(positions, slow, 5.0) is positions
    assert butterworth(positions, slow, 3.0) is not positions


def test_savgol_keeps_a_parabola_and_has_an_odd_window():
    t = np.arange(30) / 25
    positions = np.stack([t**2, 3 - t], axis=1)
    np.testing.assert_allclose(savgol(positions, t, 0.3, 2), positions, atol=1e-12)
    spike = np.zeros((30, 2))
    spike[15] = 1
    assert np.flatnonzero(np.abs(savgol(spike, t, 0.3, 2)[:, 0]) > 1e-9).tolist() == list(range(12, 19))
    assert savgol(positions, t, 0.1, 2) is positions  # a parabola passes through all three positions
    np.testing.assert_allclose(
        savgol(positions[:6], t[:6], 9.0, 2), positions[:6], atol=1e-12
    )  # the window is limited to the positions


def test_one_euro_is_causal_and_follows_speed():
    positions, t = sine(1.0)
    early = one_euro(positions, t, 1.0, 5.0)
    np.testing.assert_array_equal(one_euro(positions[:100], t[:100], 1.0, 5.0), early[:100])
    lag = [np.abs(one_euro(positions, t, 1.0, beta) - positions).mean() for beta in (0.0, 1.0, 10.0)]
    assert lag[0] > lag[1] > lag[2]
    step = np.ones((50, 2))
    step[0] = 0
    rise = one_euro(step, np.arange(50) / 50, 2.0, 0.0)[1, 0]
    assert rise == pytest.approx(1 / (1 + 50 / (2 * np.pi * 2)))


def test_build_filter():
    assert build_filter(**SmoothSettings(method="none").model_dump()) is None
    with pytest.raises(ValueError, match=r"'median'.*one_euro"):
        build_filter("median", 1, 1, 1, 1, 1)
