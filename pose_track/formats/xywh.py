"""Boxes as left, top, width and height, and as corners: there and back without the last digit getting lost."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pose_track.structures.sequence import FloatArray

# more than a position in pixels has; the binary digits of one are finer still
_DECIMALS = 9


def to_corners(xywh: ArrayLike) -> FloatArray:
    """(N, 4) x1 y1 x2 y2 of (N, 4) left top width height; sums without the digits that adding puts there.

    >>> 0.1 + 0.2, to_corners([[0.1, 0, 0.2, 1]]).tolist()
    (0.30000000000000004, [[0.1, 0.0, 0.3, 1.0]])
    """
    boxes = np.asarray(xywh, np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], _sums(boxes[:, :2], boxes[:, 2:])], axis=1)


def to_spans(xyxy: ArrayLike) -> FloatArray:
    """(N, 4) left top width height of (N, 4) x1 y1 x2 y2, from which `to_corners` gives these back, to the last digit
    where they have at most 9 decimals.

    >>> 0.3 - 0.1, to_spans([[0.1, 0, 0.3, 1]]).tolist()
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


def _sums(a: FloatArray, b: FloatArray) -> FloatArray:
    """a + b, as a number of few decimals where it is one but for the rounding of binary digits."""
    exact = a + b
    short = np.round(exact, _DECIMALS)
    noise = 2 * np.spacing(np.maximum(np.abs(a), np.abs(b)))
    return np.asarray(np.where(np.abs(short - exact) <= noise, short, exact))
