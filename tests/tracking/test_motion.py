"""The vectorised Kalman filters, compared with filterpy's."""

from __future__ import annotations

import numpy as np
import pytest
from filterpy.common import Q_continuous_white_noise
from filterpy.kalman import KalmanFilter
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.tracking.motion import ACCELERATION, POSITION_NOISE, START_VELOCITY, Motion

repeatable = settings(derandomize=True, deadline=None, max_examples=40)
gaps = st.lists(st.sampled_from([0.0, 1 / 60, 0.04, 0.1, 0.5, 3.0]), min_size=1, max_size=12)


class Reference:
    """filterpy's filter of one coordinate of one person."""

    def __init__(self, position: float) -> None:
        self.filter = KalmanFilter(dim_x=2, dim_z=1)
        self.filter.x = np.array([[position], [0.0]])
        self.filter.P = np.diag([POSITION_NOISE, START_VELOCITY])
        self.filter.H, self.filter.R = np.array([[1.0, 0.0]]), np.array([[POSITION_NOISE]])

    def predict(self, dt: float) -> None:
        self.filter.F = np.array([[1.0, dt], [0.0, 1.0]])
        self.filter.Q = Q_continuous_white_noise(dim=2, dt=dt, spectral_density=ACCELERATION)
        self.filter.predict()

    def state(self) -> list[float]:
        (p, pv), (_, v) = self.filter.P
        return [*self.filter.x[:, 0], p, pv, v]


def assert_same(motion: Motion, references: list[list[Reference]]) -> None:
    result = np.stack([motion.position, motion.velocity, *(np.stack([c, c], 1) for c in motion.covariance.T)], axis=-1)
    expected = np.array([[reference.state() for reference in axes] for axes in references]).reshape(result.shape)
    np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(0, 4), gaps)
@repeatable
def test_equal_to_filterpy_with_missed_measurements(seed: int, num: int, steps: list[float]) -> None:
    rng = np.random.default_rng(seed)
    start = rng.uniform(-1000, 1000, (num, 2))
    motion, now = Motion.start(start, 2.0), 2.0
    references = [[Reference(x) for x in point] for point in start]
    for dt in steps:
        now += dt
        motion = motion.predict(now)
        measured = motion.position + rng.normal(0, 50, (num, 2))
        is_measured = rng.random(num) < 0.7
        motion = motion[is_measured].update(measured[is_measured]) + motion[~is_measured]
        order = [*np.flatnonzero(is_measured), *np.flatnonzero(~is_measured)]
        references = [references[i] for i in order]
        for place, i in enumerate(order):
            for reference, position in zip(references[place], measured[i], strict=True):
                reference.predict(dt)
                if is_measured[i]:
                    reference.filter.update(position)
        assert_same(motion, references)
        assert (motion.seconds == now).all()


def test_one_prediction_equals_several_shorter_ones() -> None:
    motion = Motion.start(np.array([[3.0, 4.0]]), 0.0).predict(0.1).update(np.array([[9.0, 4.0]]))
    single, repeated = motion.predict(1.1), motion
    for tenth in range(2, 12):
        repeated = repeated.predict(tenth / 10)
    for name in ("position", "velocity", "covariance"):
        np.testing.assert_allclose(getattr(repeated, name), getattr(single, name), rtol=1e-9)


def test_constant_velocity_is_predicted() -> None:
    velocity = np.array([[50.0, 0.0], [-80.0, 20.0]])
    motion = Motion.start(np.zeros((2, 2)), 0.0)
    for tenth in range(1, 20):
        motion = motion.predict(tenth / 10).update(velocity * tenth / 10)
    np.testing.assert_allclose(motion.predict(2.5).position, velocity * 2.5, atol=1e-3)
    assert (motion.covariance[:, 0] < POSITION_NOISE).all()


def test_each_track_has_its_own_time() -> None:
    early, late = Motion.start(np.zeros((1, 2)), 0.0), Motion.start(np.zeros((1, 2)), 1.0)
    both = (early + late).predict(2.0)
    for row, one in enumerate((early.predict(2.0), late.predict(2.0))):
        np.testing.assert_array_equal(both.covariance[row], one.covariance[0])
    assert both.covariance[0, 0] > both.covariance[1, 0]


@pytest.mark.parametrize("num", [0, 3])
def test_new_tracks_are_at_rest(num: int) -> None:
    motion = Motion.start(np.ones((num, 2), np.float32), 7.0)
    assert (len(motion), motion.position.dtype) == (num, np.float64)
    np.testing.assert_array_equal(motion.predict(9.0).position, np.ones((num, 2)))
