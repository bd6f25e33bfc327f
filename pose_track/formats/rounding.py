"""Decimals of the numbers in files."""

from __future__ import annotations

import numpy as np

from pose_track.structures.arrays import AnyArray, Float64Array

POSITION_DECIMALS = 2  # of pixels in a tracks.jsonl
SCORE_DECIMALS = 4


def rounded(values: AnyArray, decimals: int) -> Float64Array:
    """The values in double precision, rounded to `decimals`, without any -0.0.

    >>> rounded(np.array([[1.23456, -0.0001]]), 2).tolist()
    [[1.23, 0.0]]
    """
    return np.asarray(np.round(values.astype(np.float64), decimals) + 0.0)
