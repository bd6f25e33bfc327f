"""Boxes as x y width height and as corners, converted in both directions without losing the last digit."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pose_track.structures.arrays import Float64Array

# more than positions in pixels have, and fewer than a float64 holds
_DECIMALS = 9


def xywh_to_xyxy(xywh: ArrayLike) -> Float64Array:
    """(N, 4) x y width height -> (N, 4) x1 y1 x2 y2, without rounding errors in the decimals.

    >>> 0.1 + 0.2, xywh_to_xyxy([[0.1, 0, 0.2, 1]]).tolist()
    (0.30000000000000004, [[0.1, 0.0, 0.3, 1.0]])
    """
    boxes = np.asarray(xywh, np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], _sums(boxes[:, :2], boxes[:, 2:])], axis=1)


def xyxy_to_xywh(xyxy: ArrayLike) -> Float64Array:
    """(N, 4) x1 y1 x2 y2 -> (N, 4) x y width height. `xywh_to_xyxy` restores the corners, to the last digit where they
    have at most 9 decimals.

    >>> 0.3 - 0.1, xyxy_to_xywh([[0.1, 0, 0.3, 1]]).tolist()
    (0.19999999999999998, [[0.1, 0.0, 0.2, 1.0]])
    """
    boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
    low, high = boxes[:, :2], boxes[:, 2:]
    lengths = _sums(high, -low)
    if (_sums(low, lengths) != high).any():  # also where they are NaN
        exact = high - low
        for near in (np.nextafter(exact, -np.inf), np.nextafter(exact, np.inf), exact):
            lengths = np.where((_sums(low, lengths) != high) & (_sums(low, near) == high), near, lengths)
    return np.concatenate([low, lengths], axis=1)


def _sums(a: Float64Array, b: Float64Array) -> Float64Array:
    """a + b, rounded to 9 decimals where the difference is within the error of the binary sum."""
    exact = a + b
    short = np.round(exact, _DECIMALS)
    noise = 2 * np.spacing(np.maximum(np.abs(a), np.abs(b)))
    return np.asarray(np.where(np.abs(short - exact) <= noise, short, exact))
