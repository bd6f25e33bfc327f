import json
from dataclasses import fields, replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_tracks import FPS, error, jittered, seconds, sizes, together, true_sequences, walker
from shared_data import shared

from pose_track.config.postprocessing import SmoothSettings
from pose_track.postprocessing.filters import butterworth, named_filter, one_euro, savgol
from pose_track.postprocessing.smooth import jitter, smooth_tracks
from pose_track.structures.sequence import FrameInfo, People, PoseSequence
from pose_track.structures.skeleton import COCO_17

METHODS = ("one_euro", "savgol", "butterworth")
each = pytest.mark.parametrize("method", METHODS)
repeatable = settings(derandomize=True, deadline=None, max_examples=30)


def usual(method):
    return named_filter(**SmoothSettings(method=method).model_dump())


def smoothed(sequence, method, fps=FPS):
    return smooth_tracks(sequence, seconds(sequence, fps), usual(method))


@pytest.fixture(scope="module")
def truth():
    return true_sequences(3)


def rendered():
    """A slow motion whose joints are exact."""
    frames = json.loads(shared("data/videos/arms_rendered_coco17.json").read_text())
    joints = np.array([[[frame[n]["x"], frame[n]["y"]] for n in COCO_17.joint_names] for frame in frames])
    people = People.of(joints, track_ids=np.ones(len(joints), np.int64))
    return PoseSequence(
        "arms", COCO_17, tuple(FrameInfo(i) for i in range(len(joints))), people, np.arange(len(joints))
    )


@each
@pytest.mark.parametrize("noise", [0.015, 0.03, 0.05])
def test_jitter_gets_less_on_real_motion(truth, method, noise):
    for sequence in truth:
        given = jittered(sequence, noise)
        assert error(smoothed(given, method), sequence) < 0.92 * error(given, sequence)


@each
def test_jitter_gets_much_less_on_slow_motion(method):
    sequence = rendered()
    given = jittered(sequence, 0.01)
    assert error(smoothed(given, method, 30), sequence) < 0.7 * error(given, sequence)


@each
def test_exact_smooth_motion_stays_within_a_thousandth_of_the_body(method):
    sequence = rendered()
    moved = np.hypot(*np.moveaxis(smoothed(sequence, method, 30).people.joints - sequence.people.joints, -1, 0))
    assert (moved / sizes(sequence)[:, None]).max() < 0.001


def mean(parts):
    return np.nanmean(np.concatenate([part.ravel() for part in parts]))


@pytest.mark.parametrize("method", ["savgol", "butterworth"])
def test_fast_real_motion_is_none_the_worse(truth, method):
    """The joints that move by more than 2.5 % of the body a frame, with 1 % of jitter."""
    before, after = [], []
    for sequence in true_sequences(12):
        given = jittered(sequence, 0.01)
        done = smoothed(given, method)
        for track_id in set(sequence.people.track_ids.tolist()):
            rows = sequence.people.track_ids == track_id
            size, true = sizes(sequence)[rows][0], sequence.people.joints[rows]
            step = np.hypot(*np.moveaxis(np.diff(true, axis=0), -1, 0)) / size
            seen = ~np.isnan(step).all(axis=0)
            fast = np.flatnonzero(seen)[np.nanmedian(step[:, seen], axis=0) > 0.025]
            for out, found in ((before, given), (after, done)):
                out.append(np.hypot(*np.moveaxis(found.people.joints[rows][:, fast] - true[:, fast], -1, 0)) / size)
    assert sum((~np.isnan(part)).sum() for part in before) > 1000
    assert mean(after) < mean(before)


@each
def test_only_positions_change(method):
    given = jittered(together(40, walker(range(40)), walker(range(5, 35), (90, 0), track_id=2)), 0.02)
    before = given.people.joints.copy()
    done = smoothed(given, method)
    for field in fields(People):
        if field.name != "joints":
            np.testing.assert_array_equal(getattr(done.people, field.name), getattr(given.people, field.name))
    np.testing.assert_array_equal(given.people.joints, before)
    assert (done.people.joints != before).any()


@each
@given(st.lists(st.booleans(), max_size=40), st.lists(st.booleans(), min_size=40, max_size=40))
@repeatable
def test_joints_that_are_not_there_stay_so_and_short_paths_stay(method, there, has_joint):
    places, people = walker(np.flatnonzero(there))
    people.joints[~np.array(has_joint)[places], 3] = np.nan
    sequence = together(40, (places, people))
    done = smoothed(jittered(sequence, 0.02), method)
    np.testing.assert_array_equal(done.people.has_joint, sequence.people.has_joint)
    assert np.isfinite(done.people.joints[done.people.has_joint]).all()


@each
def test_paths_of_six_stay_and_a_gap_parts_paths(method):
    given = jittered(together(40, walker([*range(6), *range(10, 40)])), 0.02)
    done = smoothed(given, method)
    np.testing.assert_array_equal(done.people.joints[:6], given.people.joints[:6])
    assert (done.people.joints[8:] != given.people.joints[8:]).any()
    alone = smoothed(replace(given, people=given.people[6:], frame_of=given.frame_of[6:]), method)
    np.testing.assert_allclose(done.people.joints[6:], alone.people.joints, atol=0.05)  # the size is that of the track


def test_a_long_step_in_time_parts_paths():
    given = jittered(together(30, walker(range(30))), 0.02)
    times = seconds(given) + 0.5 * (np.arange(30) >= 24)
    done = smooth_tracks(given, times, usual("savgol"))
    np.testing.assert_array_equal(done.people.joints[24:], given.people.joints[24:])


@each
def test_an_outlier_that_is_unsure_goes_where_it_belongs_and_a_sure_one_hardly_moves(method):
    truth = together(40, walker(range(40)))
    for score, most, least in ((0.3, 10, 0), (0.9, 50, 30)):
        given = jittered(truth, 0.005)
        given.people.joints[20, 2] += 40
        given.people.joint_scores[20, 2] = score
        apart = np.hypot(*(smoothed(given, method).people.joints[20, 2] - truth.people.joints[20, 2]))
        assert least < apart + 1e-9 < 57
        assert apart < most or score > 0.5


def test_jitter_is_measured_in_spite_of_motion_and_outliers():
    t = np.arange(400) / 25
    path = np.stack([np.sin(2 * np.pi * 0.5 * t), 0.3 * t**2], axis=1)
    path += np.random.default_rng(0).normal(0, 0.02, (400, 2))
    path[::50] += 1
    assert jitter(path) == pytest.approx(0.02, rel=0.2)


def sine(hz, rate=50, length=400):
    t = np.arange(length) / rate
    return np.stack([np.sin(2 * np.pi * hz * t), np.cos(2 * np.pi * hz * t)], axis=1), t


def gain(smooth, hz):
    """Of the amplitude, well inside."""
    path, t = sine(hz)
    return np.hypot(*smooth(path, t)[150:250].T).mean()


def test_butterworth_has_its_cutoff_where_it_says_and_no_lag():
    smooth = partial(butterworth, cutoff_hz=5.0)
    assert gain(smooth, 5.0) == pytest.approx(0.5**0.5, abs=0.005)
    assert gain(smooth, 1.0) == pytest.approx(1, abs=0.005)
    assert gain(smooth, 20.0) < 0.02
    path, t = sine(2.0)
    np.testing.assert_allclose(smooth(path, t)[150:250], gain(smooth, 2.0) * path[150:250], atol=1e-3)


def test_butterworth_leaves_a_slow_video_alone():
    path, _ = sine(1.0)
    slow = np.arange(400) / 10
    assert butterworth(path, slow, 5.0) is path
    assert butterworth(path, slow, 3.0) is not path


def test_savgol_keeps_a_parabola_and_has_an_odd_window():
    t = np.arange(30) / 25
    path = np.stack([t**2, 3 - t], axis=1)
    np.testing.assert_allclose(savgol(path, t, 0.3, 2), path, atol=1e-12)
    spike = np.zeros((30, 2))
    spike[15] = 1
    assert np.flatnonzero(np.abs(savgol(spike, t, 0.3, 2)[:, 0]) > 1e-9).tolist() == list(range(12, 19))
    assert savgol(path, t, 0.1, 2) is path  # three positions: a parabola goes through them
    np.testing.assert_allclose(savgol(path[:6], t[:6], 9.0, 2), path[:6], atol=1e-12)  # no more than there are


def test_one_euro_looks_at_no_later_position_and_follows_speed():
    path, t = sine(1.0)
    early = one_euro(path, t, 1.0, 5.0)
    np.testing.assert_array_equal(one_euro(path[:100], t[:100], 1.0, 5.0), early[:100])
    lag = [np.abs(one_euro(path, t, 1.0, beta) - path).mean() for beta in (0.0, 1.0, 10.0)]
    assert lag[0] > lag[1] > lag[2]
    step = np.ones((50, 2))
    step[0] = 0
    rise = one_euro(step, np.arange(50) / 50, 2.0, 0.0)[1, 0]
    assert rise == pytest.approx(1 / (1 + 50 / (2 * np.pi * 2)))


def test_named_filters():
    assert named_filter(**SmoothSettings(method="none").model_dump()) is None
    with pytest.raises(ValueError, match="unknown filter 'median'; choose one of none, one_euro"):
        named_filter("median", 1, 1, 1, 1, 1)
