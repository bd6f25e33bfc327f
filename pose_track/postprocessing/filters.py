"""Filters of a path: (T, 2) positions at (T,) rising seconds become (T, 2) smoother ones.

`one_euro` is causal, looks at no later position, and lags; the others look both ways. `savgol` and `butterworth` take
the positions as evenly spaced in time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.signal import butter, savgol_filter, sosfiltfilt

from pose_track.structures.sequence import FloatArray

# positions (T, 2), in body sizes, and seconds (T,) -> (T, 2)
PathFilter = Callable[[FloatArray, FloatArray], FloatArray]

# for the velocity that One-Euro's cutoff follows, as in the paper
_DERIVATIVE_CUTOFF_HZ = 1.0
# a filter of second order run both ways passes sqrt(1/2) of the amplitude at this share of its cutoff (Winter,
# "Biomechanics and Motor Control of Human Movement", 4th ed., section 3.4.4.2)
_TWICE = (math.sqrt(2) - 1) ** 0.25


def named_filter(
    method: str, min_cutoff_hz: float, beta: float, window_seconds: float, degree: int, cutoff_hz: float
) -> PathFilter | None:
    """The filter of that name with what it takes of the rest; None for "none". Raises ValueError for another name."""
    filters: dict[str, PathFilter | None] = {
        "none": None,
        "one_euro": partial(one_euro, min_cutoff_hz=min_cutoff_hz, beta=beta),
        "savgol": partial(savgol, window_seconds=window_seconds, degree=degree),
        "butterworth": partial(butterworth, cutoff_hz=cutoff_hz),
    }
    if method not in filters:
        raise ValueError(f"unknown filter {method!r}; choose one of {', '.join(filters)}")
    return filters[method]


def one_euro(positions: FloatArray, seconds: FloatArray, min_cutoff_hz: float, beta: float) -> FloatArray:
    """Casiez, Roussel and Vogel, "1 Euro Filter", CHI 2012: a low-pass whose cutoff rises with speed.

    min_cutoff_hz: of what stands still; beta: by how many Hz the cutoff rises for each unit of position a second.

    >>> one_euro(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([0.0, 0.1]), 1.0, 0.0).round(3).tolist()
    [[0.0, 0.0], [0.386, 0.0]]
    """
    smooth: FloatArray = positions.copy()
    velocity = np.zeros(positions.shape[1])
    for t in range(1, len(positions)):
        step = seconds[t] - seconds[t - 1]
        share = _share(_DERIVATIVE_CUTOFF_HZ, step)
        velocity = share * (positions[t] - positions[t - 1]) / step + (1 - share) * velocity
        share = _share(min_cutoff_hz + beta * math.hypot(*velocity), step)
        smooth[t] = share * positions[t] + (1 - share) * smooth[t - 1]
    return smooth


def _share(cutoff_hz: float, step: float) -> float:
    """Of the new value, in exponential smoothing with this cutoff and this many seconds between values."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff_hz * step))


def savgol(positions: FloatArray, seconds: FloatArray, window_seconds: float, degree: int) -> FloatArray:
    """Savitzky and Golay, Analytical Chemistry 36, 1964: the value of a polynomial fitted around each position.

    window_seconds: how long the fit's stretch is, which becomes an odd number of positions, all there are at most.
    Where that is not more than `degree` + 1, nothing changes.

    >>> path = np.array([[0.0, 0], [1, 0], [4, 0], [9, 0], [16, 0]])
    >>> savgol(path, np.arange(5.0), window_seconds=5, degree=2)[:, 0].round(9).tolist()
    [0.0, 1.0, 4.0, 9.0, 16.0]
    """
    window = min(2 * int(window_seconds * _rate(seconds) / 2 + 1e-9) + 1, len(positions) - (len(positions) + 1) % 2)
    return positions if window <= degree + 1 else np.asarray(savgol_filter(positions, window, degree, axis=0))


def butterworth(positions: FloatArray, seconds: FloatArray, cutoff_hz: float) -> FloatArray:
    """Butterworth's low-pass of second order, run forwards and backwards, so that nothing lags; cutoff_hz: of both
    together, as is usual in biomechanics.

    Nothing changes where the rate is not above 2.2 times the cutoff, and where there are fewer than three positions.
    """
    rate = _rate(seconds)
    if len(positions) < 3 or rate <= 2.2 * cutoff_hz:
        return positions
    once = math.atan(math.tan(math.pi * cutoff_hz / rate) / _TWICE) * 2 / math.pi  # as a share of half the rate
    sections = butter(2, once, output="sos")
    return np.asarray(sosfiltfilt(sections, positions, axis=0, padlen=min(9, len(positions) - 1)))


def _rate(seconds: FloatArray) -> float:
    """Positions a second; 0 for a single one."""
    return (len(seconds) - 1) / float(seconds[-1] - seconds[0]) if len(seconds) > 1 else 0.0
