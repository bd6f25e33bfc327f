"""Position, velocity and acceleration of points over time, by a smoother that is fitted to the data.

The model is white-noise jerk: position, velocity and acceleration, whose acceleration diffuses (Bar-Shalom, Li and
Kirubarajan, "Estimation with Applications to Tracking and Navigation", 2001, section 6.2.3). A Kalman filter forwards
and the Rauch-Tung-Striebel smoother backwards give the best estimate at each time, with its uncertainty. This equals
the quintic smoothing spline that is usual in biomechanics (Woltring, Advances in Engineering Software 8, 1986). How
much to smooth is not set by hand: of several strengths the most likely one is taken for each coordinate.

A measurement far from what the model expects, such as of a joint that jumps to the other side, is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

from pose_track.structures.arrays import BoolArray, Float64Array

_NUM_STRENGTHS = 13
_MAX_DEVIATIONS = 4.685  # of a measurement from the smoothed position; a farther one counts nothing (Tukey)
_MEDIAN_WINDOW = 7  # measurements
_NUM_ROUNDS = 4
_SMALL = 1e-9
_MIN_SPREAD = 1e-9  # of the position: below it, somebody stands still
_MIN_NOISE = 1e-8  # variance, in units of that of the positions
_MIN_MEASUREMENTS = 6
_NEAR = 2  # measurements needed on both sides of a time, within the time below, for derivatives
_NEAR_STEPS = 4.5  # median steps in time


@dataclass(frozen=True, eq=False)
class Motion:
    """The motion of S coordinates at T times, in the unit of the positions and seconds; NaN where it is not known.

    position, velocity, acceleration: (T, S).
    is_outlier: (T, S) measurements that were left out.
    """

    position: Float64Array
    velocity: Float64Array
    acceleration: Float64Array
    is_outlier: BoolArray


def fit_motion(measured: Float64Array, seconds: Float64Array) -> Motion:
    """The motion of each coordinate.

    measured: (T, S) positions; NaN where missing.
    seconds: (T,) increasing times.

    Positions are given between the first and last measurement where one is near, derivatives where there are
    measurements near on both sides. A coordinate with fewer than six measurements is missing altogether.
    """
    num_times, num_series = measured.shape
    missing = np.full((num_times, num_series), np.nan)
    motion = Motion(missing, missing.copy(), missing.copy(), np.zeros((num_times, num_series), bool))
    for s in range(num_series):
        if (~np.isnan(measured[:, s])).sum() >= _MIN_MEASUREMENTS:
            states, is_outlier = _fit_series(measured[:, s], seconds)
            known = ~np.isnan(measured[:, s]) & ~is_outlier
            near, surrounded = _support(known, seconds)
            motion.position[near, s] = states[near, 0]
            motion.velocity[surrounded, s] = states[surrounded, 1]
            motion.acceleration[surrounded, s] = states[surrounded, 2]
            motion.is_outlier[:, s] = is_outlier
    return motion


def _support(known: BoolArray, seconds: Float64Array) -> tuple[BoolArray, BoolArray]:
    """(T,) times with a measurement or between two near ones, and times with several measurements on both sides."""
    step = float(np.median(np.diff(seconds)))
    times = seconds[known]
    after = np.searchsorted(times, seconds, side="left")  # number of measurements before each time
    upto = np.searchsorted(times, seconds, side="right")
    previous = np.where(upto > 0, seconds - times[np.maximum(upto - 1, 0)], np.inf)
    following = np.where(after < len(times), times[np.minimum(after, len(times) - 1)] - seconds, np.inf)
    near = known | (previous + following <= _NEAR_STEPS * step)
    reach = _NEAR_STEPS * step + 1e-9
    num_before = upto - np.searchsorted(times, seconds - reach, side="left")
    num_after = np.searchsorted(times, seconds + reach, side="right") - after
    surrounded = near & (num_before >= _NEAR + known) & (num_after >= _NEAR + known)
    return near, surrounded


def _fit_series(measured: Float64Array, seconds: Float64Array) -> tuple[Float64Array, BoolArray]:
    """(T, 3) position, velocity and acceleration of one coordinate, and (T,) its outliers."""
    origin = np.nanmean(measured)
    spread = float(np.nanstd(measured))
    scale = spread if spread > _MIN_SPREAD * (1 + abs(origin)) else 1.0
    values, step = (measured - origin) / scale, float(np.median(np.diff(seconds)))
    steps = np.diff(seconds, prepend=seconds[0]) / step  # time in median steps, so that numbers stay near 1
    strengths = np.logspace(-9, 1, _NUM_STRENGTHS)
    likelihoods, noises = _likelihoods(values, steps, strengths)
    best = int(np.argmax(likelihoods))
    states, is_outlier = _robust_smooth(values, steps, strengths[best], noises[best])
    states = states * scale / np.array([1.0, step, step**2])
    states[:, 0] += origin
    return states, is_outlier


def _transition(step: Float64Array | float) -> Float64Array:
    """(..., 3, 3) from the state at one time to that `step` later."""
    step = np.asarray(step, np.float64)
    one, zero = np.ones_like(step), np.zeros_like(step)
    rows = [[one, step, step**2 / 2], [zero, one, step], [zero, zero, one]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _diffusion(step: Float64Array | float) -> Float64Array:
    """(..., 3, 3) covariance that a unit white-noise jerk adds in `step`."""
    s = np.asarray(step, np.float64)
    rows = [[s**5 / 20, s**4 / 8, s**3 / 6], [s**4 / 8, s**3 / 3, s**2 / 2], [s**3 / 6, s**2 / 2, s]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


_DIFFUSE = np.diag([1e4, 1e4, 1e4])  # nothing is known before the first measurement


def _likelihoods(
    values: Float64Array, steps: Float64Array, strengths: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """(Q,) log likelihood and (Q,) variance of the measurement noise for each ratio of jerk to noise.

    The noise is integrated out: with unit noise the squared normalised innovations average to its variance. Their
    median stands for the mean, for it is not moved by outliers.
    """
    num = len(strengths)
    state, covariance = np.zeros((num, 3)), np.tile(_DIFFUSE, (num, 1, 1))
    squares, logs = [], []
    for value, step in zip(values, steps, strict=True):
        transition = _transition(step)
        state = state @ transition.T
        covariance = transition @ covariance @ transition.T + strengths[:, None, None] * _diffusion(step)
        if np.isnan(value):
            continue
        variance = covariance[:, 0, 0] + 1
        innovation = value - state[:, 0]
        squares.append(innovation**2 / variance)
        logs.append(np.log(variance))
        gain = covariance[:, :, 0] / variance[:, None]
        state = state + gain * innovation[:, None]
        covariance = covariance - gain[:, :, None] * covariance[:, None, 0, :]
    normalised, log_variances = np.array(squares)[3:], np.array(logs)[3:]  # three fix the first state
    noise = np.maximum(np.median(normalised, axis=0) / 0.4549, _MIN_NOISE)  # median of chi-squared with one degree
    robust = np.minimum(normalised / noise, _MAX_DEVIATIONS**2).sum(axis=0)
    return -0.5 * (robust + log_variances.sum(axis=0) + len(normalised) * np.log(noise)), noise


def _robust_smooth(
    values: Float64Array, steps: Float64Array, strength: float, noise: float
) -> tuple[Float64Array, BoolArray]:
    """(T, 3) smoothed states, with unit noise and this ratio of jerk to noise, and (T,) outliers.

    Measurements far from the smoothed position count less, and are smoothed again (iteratively reweighted least
    squares with Tukey's biweight). The first positions are running medians, so that outliers do not attract them.
    """
    known = ~np.isnan(values)
    position = np.full(len(values), np.nan)
    position[known] = median_filter(values[known], _MEDIAN_WINDOW, mode="nearest")
    deviation = np.sqrt(noise)
    limit = _MAX_DEVIATIONS * max(deviation, _robust_deviation((values - position)[known]))
    for _ in range(_NUM_ROUNDS):
        residuals = np.abs(values - position)
        weights = np.where(known, np.maximum(1 - (residuals / limit) ** 2, 0) ** 2, 0)
        states = _smooth(np.nan_to_num(values), steps, strength, weights)
        position, limit = states[:, 0], _MAX_DEVIATIONS * max(deviation, _SMALL)
    return states, known & (np.abs(values - position) > limit)


def _robust_deviation(values: Float64Array) -> float:
    """The standard deviation of a normal distribution with this median of absolute values."""
    return float(np.median(np.abs(values))) / 0.6745


def _smooth(values: Float64Array, steps: Float64Array, strength: float, weights: Float64Array) -> Float64Array:
    """(T, 3) smoothed states. weights: (T,) inverse variances of the measurements; 0 for none."""
    num_times = len(values)
    transitions, diffusions = _transition(steps), strength * _diffusion(steps)
    predicted, filtered = np.zeros((num_times, 3)), np.zeros((num_times, 3))
    predicted_covariances, covariances = np.zeros((num_times, 3, 3)), np.zeros((num_times, 3, 3))
    state, covariance = np.zeros(3), _DIFFUSE
    for t in range(num_times):
        state = transitions[t] @ state
        covariance = transitions[t] @ covariance @ transitions[t].T + diffusions[t]
        predicted[t], predicted_covariances[t] = state, covariance
        if weights[t] > _SMALL:
            gain = covariance[:, 0] / (covariance[0, 0] + 1 / weights[t])
            state, covariance = state + gain * (values[t] - state[0]), covariance - np.outer(gain, covariance[0])
        filtered[t], covariances[t] = state, covariance
    smoothed = filtered.copy()
    for t in range(num_times - 2, -1, -1):
        gain = np.linalg.solve(predicted_covariances[t + 1], transitions[t + 1] @ covariances[t]).T
        smoothed[t] = filtered[t] + gain @ (smoothed[t + 1] - predicted[t + 1])
    return np.asarray(smoothed)
