"""Calibration of scores: fitting the map from raw scores to the share of right cases, and checking it by tenths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from pose_track.geometry.boxes import iou_matrix
from pose_track.models.score_map import ScoreMap
from pose_track.structures.arrays import BoolArray, Float64Array, FloatingArray, IntArray

RightCases = BoolArray | FloatingArray
"""(N,) 1 for a right case, 0 for a wrong one; or a share in between."""

MAX_KNOTS = 20
MIN_CASES_PER_KNOT = 50
MIN_CASES = 100


@dataclass(frozen=True)
class Tenth:
    """The cases whose score is in one tenth of [0, 1].

    low: its lowest score. count: of the cases. mean_score, share_right: of the cases, NaN where there are none.
    """

    low: float
    count: int
    mean_score: float
    share_right: float


def fit_score_map(scores: FloatingArray, is_right: RightCases) -> ScoreMap:
    """The map from raw scores (N,) in [0, 1] to the share of right cases.

    Isotonic regression (Zadrozny and Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability
    Estimates", KDD 2002) of up to `MAX_KNOTS` equal intervals of scores, wider where one would have fewer than
    `MIN_CASES_PER_KNOT` cases. Its steps become the knots of a piecewise linear map, which keeps the order of all
    scores; beyond the last one the map rises half way to 1.

    is_right: (N,) whether each is right, or a share.

    Raises ValueError for fewer than `MIN_CASES` cases.
    """
    if len(scores) < MIN_CASES:
        raise ValueError(
            f"a calibration needs at least {MIN_CASES} cases, got {len(scores)}; give more validation data"
        )
    groups = _intervals(scores)
    counts = np.array([len(group) for group in groups])
    raw = np.array([scores[group].mean() for group in groups])
    shares = np.array([(is_right[group].sum() + 0.5) / (len(group) + 1) for group in groups])  # never 0 or 1
    steps = isotonic_regression(shares, weights=counts)
    starts = steps.blocks[:-1]
    weights = np.add.reduceat(counts, starts)
    raw = np.add.reduceat(raw * counts, starts) / weights
    shares = steps.x[starts]
    return ScoreMap(tuple(_increasing([(0.0, 0.0), *zip(raw, shares, strict=True), (1.0, (1 + shares[-1]) / 2)])))


def _intervals(scores: FloatingArray) -> list[IntArray]:
    """The indices of the cases in each interval, by ascending score."""
    groups = [np.zeros(0, np.int64)]
    intervals = (np.asarray(scores, np.float64) * MAX_KNOTS).astype(int)
    for interval in np.unique(intervals):
        if len(groups[-1]) >= MIN_CASES_PER_KNOT:
            groups.append(np.zeros(0, np.int64))
        groups[-1] = np.concatenate([groups[-1], np.flatnonzero(intervals == interval)])
    if len(groups) > 1 and len(groups[-1]) < MIN_CASES_PER_KNOT:
        groups[-2:] = [np.concatenate(groups[-2:])]
    return groups


def cross_fit(scores: FloatingArray, is_right: RightCases, half: BoolArray) -> tuple[ScoreMap, ScoreMap]:
    """The maps fitted on the cases (N,) outside `half` and on those inside it; each is checked on the others.

    Raises ValueError as `fit_score_map`.
    """
    return fit_score_map(scores[~half], is_right[~half]), fit_score_map(scores[half], is_right[half])


def _increasing(knots: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The knots, rounded as `ScoreMap` stores them, without those that are not above the one before."""
    kept = [knots[0]]
    for raw, share in knots[1:]:
        knot = (float(f"{raw:.6g}"), float(f"{share:.6g}"))
        if knot[0] > kept[-1][0] and knot[1] > kept[-1][1]:
            kept.append(knot)
    return kept


def reliability(scores: FloatingArray, is_right: RightCases) -> list[Tenth]:
    """The ten tenths of cases with scores (N,) in [0, 1]. is_right: (N,) as in `fit_score_map`.

    >>> import numpy as np
    >>> reliability(np.array([0.12, 0.18]), np.array([True, False]))[1]
    Tenth(low=0.1, count=2, mean_score=0.15, share_right=0.5)
    """
    tenths = np.minimum((np.asarray(scores, np.float64) * 10).astype(int), 9)
    table = []
    for tenth in range(10):
        chosen = tenths == tenth
        count = int(chosen.sum())
        means = (float(values[chosen].mean()) if count else np.nan for values in (scores, is_right))
        table.append(Tenth(tenth / 10, count, *means))
    return table


def largest_gap(table: Sequence[Tenth], min_count: int = MIN_CASES) -> float:
    """The largest difference of mean score and share of right cases, of tenths with at least `min_count` cases; NaN
    where there are none."""
    gaps = [abs(tenth.mean_score - tenth.share_right) for tenth in table if tenth.count >= min_count]
    return max(gaps, default=np.nan)


def reliability_table(table: Sequence[Tenth]) -> str:
    """The tenths as printed: cases, mean score, share of right cases."""
    lines = [f"{'score':<10}{'cases':>8}{'mean':>8}{'right':>8}"]
    for tenth in table:
        interval = f"{tenth.low:.1f}-{tenth.low + 0.1:.1f}"
        lines.append(f"{interval:<10}{tenth.count:>8}{tenth.mean_score:>8.3f}{tenth.share_right:>8.3f}")
    return "\n".join(lines)


def right_boxes(
    boxes: FloatingArray, scores: FloatingArray, people: Float64Array, ignore: Float64Array, min_iou: float = 0.5
) -> tuple[BoolArray, BoolArray]:
    """(N,) whether each box of an image is a person's, and (N,) whether it counts.

    As in COCO, a box is right if its IoU with a person whom no higher-scored box has is at least `min_iou`; the nearest
    one is taken. A box that is not right, and has its centre in an ignore region, does not count.

    boxes: (N, 4), people: (M, 4), ignore: (R, 4) x1 y1 x2 y2. scores: (N,).
    """
    is_right, overlaps = np.zeros(len(boxes), bool), iou_matrix(boxes, people)
    for box in np.argsort(-scores, kind="stable").tolist():
        if len(people) and overlaps[box].max() >= min_iou:
            is_right[box] = True
            overlaps[:, overlaps[box].argmax()] = -1
    centres = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    is_within = (centres >= ignore[None, :, :2]) & (centres <= ignore[None, :, 2:])  # (N, R, 2)
    is_ignored = np.any(np.all(is_within, axis=2), axis=1)
    return is_right, is_right | ~is_ignored
