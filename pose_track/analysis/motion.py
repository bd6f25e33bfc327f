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
_FAST_PERCENTILE = 95  # of the distances between two measurements
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
    is_fitted = (~np.isnan(measured)).sum(axis=0) >= _MIN_MEASUREMENTS
    missing = np.full(measured.shape, np.nan)
    motion = Motion(missing, missing.copy(), missing.copy(), np.zeros(measured.shape, bool))
    if not is_fitted.any():
        return motion
    states, motion.is_outlier[:, is_fitted] = _fit(measured[:, is_fitted], seconds)
    for column, s in enumerate(np.flatnonzero(is_fitted).tolist()):
        near, surrounded = _support(~np.isnan(measured[:, s]) & ~motion.is_outlier[:, s], seconds)
        motion.position[near, s] = states[near, column, 0]
        motion.velocity[surrounded, s] = states[surrounded, column, 1]
        motion.acceleration[surrounded, s] = states[surrounded, column, 2]
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


def _fit(measured: Float64Array, seconds: Float64Array) -> tuple[Float64Array, BoolArray]:
    """(T, S, 3) position, velocity and acceleration of S coordinates, and (T, S) their outliers."""
    origin, spread = np.nanmean(measured, axis=0), np.nanstd(measured, axis=0)
    scale = np.where(spread > _MIN_SPREAD * (1 + np.abs(origin)), spread, 1.0)
    values, step = (measured - origin) / scale, float(np.median(np.diff(seconds)))
    steps = np.diff(seconds, prepend=seconds[0]) / step  # time in median steps, so that numbers stay near 1
    strengths = np.logspace(-9, 1, _NUM_STRENGTHS)
    likelihoods, noises = _likelihoods(values, steps, strengths)
    best = np.argmax(likelihoods, axis=1)
    states, is_outlier = _robust_smooth(values, steps, strengths[best], noises[np.arange(len(best)), best])
    states = states * scale[:, None] / np.array([1.0, step, step**2])
    states[..., 0] += origin
    return states, is_outlier


def _transition(step: Float64Array) -> Float64Array:
    """(..., 3, 3) from the state at one time to that `step` later."""
    one, zero = np.ones_like(step), np.zeros_like(step)
    rows = [[one, step, step**2 / 2], [zero, one, step], [zero, zero, one]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _diffusion(s: Float64Array) -> Float64Array:
    """(..., 3, 3) covariance that a unit white-noise jerk adds in a step of `s`."""
    rows = [[s**5 / 20, s**4 / 8, s**3 / 6], [s**4 / 8, s**3 / 3, s**2 / 2], [s**3 / 6, s**2 / 2, s]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


_DIFFUSE = np.diag([1e4, 1e4, 1e4])  # nothing is known before the first measurement


def _pairs(transitions: Float64Array) -> Float64Array:
    """(T, 9, 9) what takes the nine entries of a covariance from one time to the next: the Kronecker squares of (T, 3,
    3) transitions. One product for all coordinates is an order of magnitude faster than two for each.
    """
    return np.asarray(np.einsum("tij,tkl->tikjl", transitions, transitions).reshape(-1, 9, 9))


def _moved(covariances: Float64Array, pairs: Float64Array) -> Float64Array:
    """(..., 3, 3) covariances of the states at the next time, without what diffusion adds."""
    return np.asarray((covariances.reshape(-1, 9) @ pairs.T).reshape(covariances.shape))


def _likelihoods(
    values: Float64Array, steps: Float64Array, strengths: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """(S, Q) log likelihood and (S, Q) variance of the measurement noise for each ratio of jerk to noise.

    The noise is integrated out: with unit noise the squared normalised innovations average to its variance. Their
    median stands for the mean, for it is not moved by outliers.

    values: (T, S) NaN where missing. steps: (T,). strengths: (Q,).
    """
    shape = (values.shape[1], len(strengths))
    state, covariance = np.zeros((*shape, 3)), np.tile(_DIFFUSE, (*shape, 1, 1))
    squares, logs = (np.full((len(values), *shape), np.nan) for _ in range(2))
    transitions, diffusions = _transition(steps), _diffusion(steps)
    pairs = _pairs(transitions)
    for t in range(len(values)):
        state = state @ transitions[t].T
        covariance = _moved(covariance, pairs[t]) + strengths[:, None, None] * diffusions[t]
        known = ~np.isnan(values[t])
        variance = covariance[known, :, 0, 0] + 1
        innovation = values[t, known, None] - state[known, :, 0]
        squares[t, known], logs[t, known] = innovation**2 / variance, np.log(variance)
        gain = covariance[known, :, :, 0] / variance[..., None]
        state[known] += gain * innovation[..., None]
        covariance[known] -= gain[..., None] * covariance[known, :, None, 0, :]
    is_first = np.cumsum(~np.isnan(values), axis=0) <= 3  # three fix the first state
    squares[is_first], logs[is_first] = np.nan, np.nan
    noise = np.maximum(np.nanmedian(squares, axis=0) / 0.4549, _MIN_NOISE)  # median of chi-squared with one degree
    robust = np.nansum(np.minimum(squares / noise, _MAX_DEVIATIONS**2), axis=0)
    number = np.isfinite(squares).sum(axis=0)
    return -0.5 * (robust + np.nansum(logs, axis=0) + number * np.log(noise)), noise


def _robust_smooth(
    values: Float64Array, steps: Float64Array, strengths: Float64Array, noises: Float64Array
) -> tuple[Float64Array, BoolArray]:
    """(T, S, 3) smoothed states, with unit noise and (S,) ratios of jerk to noise, and (T, S) outliers.

    Measurements far from the smoothed position count less, and are smoothed again (iteratively reweighted least
    squares with Tukey's biweight). The first positions are running medians, so that outliers do not attract them. What
    is as near as fast points move from one measurement to the next is none: exact data has no noise that would tell.
    """
    known = ~np.isnan(values)
    position, fast = np.full(values.shape, np.nan), np.zeros(values.shape[1])
    for s in range(values.shape[1]):
        own = values[known[:, s], s]
        position[known[:, s], s] = median_filter(own, _MEDIAN_WINDOW, mode="nearest")
        fast[s] = np.percentile(np.abs(np.diff(own)), _FAST_PERCENTILE)
    limits = np.maximum(_MAX_DEVIATIONS * np.sqrt(noises), np.maximum(fast, _SMALL))
    limit = np.maximum(limits, _MAX_DEVIATIONS * _robust_deviation(values - position))
    for _ in range(_NUM_ROUNDS):
        residuals = np.abs(values - position)
        weights = np.where(known, np.maximum(1 - (residuals / limit) ** 2, 0) ** 2, 0)
        states = _smooth(np.nan_to_num(values), steps, strengths, weights)
        position, limit = states[..., 0], limits
    return states, known & (np.abs(values - position) > limit)


def _robust_deviation(values: Float64Array) -> Float64Array:
    """(S,) the standard deviations of normal distributions with these medians of absolute values (T, S)."""
    return np.asarray(np.nanmedian(np.abs(values), axis=0) / 0.6745)


def _smooth(values: Float64Array, steps: Float64Array, strengths: Float64Array, weights: Float64Array) -> Float64Array:
    """(T, S, 3) smoothed states. weights: (T, S) inverse variances of the measurements; 0 for none."""
    shape = values.shape
    transitions, diffusions = _transition(steps), _diffusion(steps)
    pairs = _pairs(transitions)
    predicted, filtered = np.zeros((*shape, 3)), np.zeros((*shape, 3))
    predicted_covariances, covariances = np.zeros((*shape, 3, 3)), np.zeros((*shape, 3, 3))
    state, covariance = np.zeros((shape[1], 3)), np.tile(_DIFFUSE, (shape[1], 1, 1))
    for t in range(shape[0]):
        state = state @ transitions[t].T
        covariance = _moved(covariance, pairs[t]) + strengths[:, None, None] * diffusions[t]
        predicted[t], predicted_covariances[t] = state, covariance
        counts = weights[t] > _SMALL
        noise = 1 / np.where(counts, weights[t], 1)
        gain = np.where(counts[:, None], covariance[:, :, 0] / (covariance[:, 0, 0] + noise)[:, None], 0)
        state = state + gain * (values[t] - state[:, 0])[:, None]
        covariance = covariance - gain[:, :, None] * covariance[:, None, 0, :]
        filtered[t], covariances[t] = state, covariance
    return _smoothed_backwards(transitions, predicted, predicted_covariances, filtered, covariances)


def _smoothed_backwards(
    transitions: Float64Array,
    predicted: Float64Array,
    predicted_covariances: Float64Array,
    filtered: Float64Array,
    covariances: Float64Array,
) -> Float64Array:
    """(T, S, 3) states, by the Rauch-Tung-Striebel smoother, from those of the Kalman filter."""
    gains = np.linalg.solve(predicted_covariances[1:], transitions[1:, None] @ covariances[:-1]).swapaxes(-1, -2)
    smoothed: Float64Array = filtered.copy()
    for t in range(len(filtered) - 2, -1, -1):
        smoothed[t] += (gains[t] @ (smoothed[t + 1] - predicted[t + 1])[..., None])[..., 0]
    return smoothed
