"""Calibrated scores: the map from a network's raw score to the share of right cases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

SCORE_MAP = "score_map"
"""The metadata key of weights files and exported networks that holds the text of a `ScoreMap`."""


@dataclass(frozen=True)
class ScoreMap:
    """A piecewise linear, strictly increasing map from raw scores to calibrated ones; 0, an absent joint, stays 0.

    knots: (raw, calibrated) pairs from (0, 0) on, at least two. Calibrated scores are below 1. A raw score beyond the
        last knot, such as a heatmap peak above 1, counts as the last one.

    Raises ValueError for other knots.

    >>> import numpy as np
    >>> ScoreMap(((0, 0), (0.5, 0.8), (1, 0.9)))(np.array([0, 0.25, 0.75, 1.2])).round(3).tolist()
    [0.0, 0.4, 0.85, 0.9]
    """

    knots: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        values = [value for knot in self.knots for value in knot]
        is_increasing = all(a < c and b < d for (a, b), (c, d) in pairwise(self.knots))
        if len(self.knots) < 2 or self.knots[0] != (0, 0) or not all(map(math.isfinite, values)) or not is_increasing:
            raise ValueError(f"a score map needs increasing knots from (0, 0) on, got {self.knots}")
        if not self.knots[-1][1] < 1:
            raise ValueError(f"a score map stays below 1, got {self.knots[-1][1]}")

    def __call__(self, scores: Any) -> Any:
        """Calibrated scores of raw ones, at least 0: an array of NumPy or a tensor, of any shape. Every step is traced
        when a network is exported."""
        return sum(
            (scores - low).clip(0, high - low) * ((to - start) / (high - low))
            for (low, start), (high, to) in pairwise(self.knots)
        )

    def __str__(self) -> str:
        """As stored in metadata.

        >>> str(ScoreMap(((0, 0), (0.5, 0.8), (1, 0.9))))
        '0:0 0.5:0.8 1:0.9'
        """
        return " ".join(f"{raw:.6g}:{calibrated:.6g}" for raw, calibrated in self.knots)


def parse_score_map(text: str) -> ScoreMap | None:
    """The inverse of `str`; None for an invalid text.

    >>> parse_score_map("0:0 0.5:0.8").knots, parse_score_map("0:0 0.5:none")
    (((0.0, 0.0), (0.5, 0.8)), None)
    """
    try:
        pairs: Sequence[Sequence[float]] = [[float(number) for number in knot.split(":")] for knot in text.split()]
        return ScoreMap(tuple((raw, calibrated) for raw, calibrated in pairs))
    except ValueError:
        return None


def describe_scores(score_map: ScoreMap | None) -> str:
    """What the scores are, for the header of the results: "calibrated" or "raw"."""
    return "raw" if score_map is None else "calibrated"
