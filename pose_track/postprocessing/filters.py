"""Low-pass filters of trajectories: (T, 2) positions at (T,) increasing seconds become (T, 2) smoother positions.

`one_euro` is causal: it uses no later position, and lags. `savgol` and `butterworth` use both sides, and assume
positions evenly spaced in time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.signal import butter, savgol_filter, sosfiltfilt

from pose_track.structures.arrays import Float64Array

TrajectoryFilter = Callable[[Float64Array, Float64Array], Float64Array]
"""(T, 2) positions in body sizes, (T,) seconds -> (T, 2) positions."""

_DERIVATIVE_CUTOFF_HZ = 1.0  # of the velocity in the One Euro filter, as in the paper

# A second-order filter run in both directions passes sqrt(1/2) of the amplitude at this share of its cutoff (Winter,
# "Biomechanics and Motor Control of Human Movement", 4th ed., section 3.4.4.2).
_TWO_PASS_CORRECTION = (math.sqrt(2) - 1) ** 0.25


def build_filter(
    method: str, min_cutoff_hz: float, beta: float, window_seconds: float, degree: int, cutoff_hz: float
) -> TrajectoryFilter | None:
    """The filter of that name with its own parameters of these; None for "none". Raises ValueError for other names."""
    filters: dict[str, TrajectoryFilter | None] = {
        "none": None,
        "one_euro": partial(one_euro, min_cutoff_hz=min_cutoff_hz, beta=beta),
        "savgol": partial(savgol, window_seconds=window_seconds, degree=degree),
        "butterworth": partial(butterworth, cutoff_hz=cutoff_hz),
    }
    if method not in filters:
        raise ValueError(f"unknown filter {method!r}; choose one of {', '.join(filters)}")
    return filters[method]


def one_euro(positions: Float64Array, seconds: Float64Array, min_cutoff_hz: float, beta: float) -> Float64Array:
    """The One Euro filter: a low-pass whose cutoff rises with speed (Casiez, Roussel and Vogel, CHI 2012).

    min_cutoff_hz: cutoff at rest.
    beta: increase of the cutoff, in Hz, for each unit of position a second.

    >>> one_euro(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([0.0, 0.1]), 1.0, 0.0).round(3).tolist()
    [[0.0, 0.0], [0.386, 0.0]]
    """
    smooth: Float64Array = positions.copy()
    velocity = np.zeros(positions.shape[1])
    for t in range(1, len(positions)):
        step = seconds[t] - seconds[t - 1]
        alpha = _smoothing_factor(_DERIVATIVE_CUTOFF_HZ, step)
        velocity = alpha * (positions[t] - positions[t - 1]) / step + (1 - alpha) * velocity
        alpha = _smoothing_factor(min_cutoff_hz + beta * math.hypot(*velocity), step)
        smooth[t] = alpha * positions[t] + (1 - alpha) * smooth[t - 1]
    return smooth


def _smoothing_factor(cutoff_hz: float, step: float) -> float:
    """The weight of the new value in exponential smoothing with this cutoff and `step` seconds between values."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff_hz * step))


def savgol(positions: Float64Array, seconds: Float64Array, window_seconds: float, degree: int) -> Float64Array:
    """The Savitzky-Golay filter: each position on a polynomial fitted around it (Analytical Chemistry 36, 1964).

    window_seconds: length of the fitted window; it becomes an odd number of positions, at most all. If that is
        `degree` + 1 or fewer, nothing changes.
    degree: of the polynomial.

    >>> positions = np.array([[0.0, 0], [1, 0], [4, 0], [9, 0], [16, 0]])
    >>> savgol(positions, np.arange(5.0), window_seconds=5, degree=2)[:, 0].round(9).tolist()
    [0.0, 1.0, 4.0, 9.0, 16.0]
    """
    longest = len(positions) - (len(positions) + 1) % 2
    window = min(2 * int(window_seconds * _sample_rate(seconds) / 2 + 1e-9) + 1, longest)
    return positions if window <= degree + 1 else np.asarray(savgol_filter(positions, window, degree, axis=0))


def butterworth(positions: Float64Array, seconds: Float64Array, cutoff_hz: float) -> Float64Array:
    """The second-order Butterworth low-pass, run forwards and backwards, so without lag.

    Nothing changes if the sample rate is at most 2.2 times the cutoff, or for fewer than three positions.

    cutoff_hz: of both passes together, as is usual in biomechanics.
    """
    rate = _sample_rate(seconds)
    if len(positions) < 3 or rate <= 2.2 * cutoff_hz:
        return positions
    # The cutoff of one pass as a share of the Nyquist frequency.
    single_pass = math.atan(math.tan(math.pi * cutoff_hz / rate) / _TWO_PASS_CORRECTION) * 2 / math.pi
    sections = butter(2, single_pass, output="sos")
    return np.asarray(sosfiltfilt(sections, positions, axis=0, padlen=min(9, len(positions) - 1)))


def _sample_rate(seconds: Float64Array) -> float:
    """Positions a second; 0 for a single one."""
    return (len(seconds) - 1) / float(seconds[-1] - seconds[0]) if len(seconds) > 1 else 0.0
