"""Higher order tracking accuracy (Luiten et al., "HOTA", IJCV 2021) of joints, as PoseTrack21 defines it (Doering et
al., "PoseTrack21", CVPR 2022).

Two joints are alike by 1 - distance / 0.5001, at least 0, and matched so that in each moment the sum is the largest;
what comes out is counted at the thresholds 0.05, 0.10 ... 0.95. The published code counts, for a frame without truth
or without predictions, all joints of the whole sequence as wrong; here the frame's own are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose_track.evaluation.assignment import assign, runs
from pose_track.evaluation.clear_mot import BoolArray, Candidates
from pose_track.evaluation.joint_pairs import REACH
from pose_track.structures.sequence import FloatArray, IntArray

Numbers = NDArray[np.floating[Any] | np.integer[Any]]

THRESHOLDS = np.arange(0.05, 0.99, 0.05)  # 19
_NUM_LEVELS = len(THRESHOLDS) + 1  # how many of them a pair passes: 0 to 19
_LEAST = THRESHOLDS - np.finfo(float).eps


@dataclass(frozen=True, eq=False)
class HotaSums:
    """What is summed over groups, each (G, 19): matched pairs, their likeness, and their association accuracy."""

    matched: FloatArray
    likeness: FloatArray
    association: FloatArray


def hota_sums(
    candidates: Candidates, group_of: IntArray, num_groups: int, truth_seen: IntArray, prediction_seen: IntArray
) -> HotaSums:
    """candidates: pairs nearer than REACH; group_of: of each track of the truth what it is counted in by itself, as in
    `identity_matches`; truth_seen, prediction_seen: how often each track is seen at all."""
    likeness = np.maximum(0, 1 - candidates.distance / REACH)
    matched = match_most_alike(candidates, likeness)
    candidates, likeness = candidates[matched], likeness[matched]
    level = np.searchsorted(_LEAST, likeness, side="right")  # how many thresholds each pair passes
    group = group_of[candidates.truth_track]
    return HotaSums(
        _at_thresholds(group, level, num_groups),
        _at_thresholds(group, level, num_groups, likeness),
        _association(candidates, level, group_of, num_groups, truth_seen, prediction_seen),
    )


def _association(
    candidates: Candidates,
    level: IntArray,
    group_of: IntArray,
    num_groups: int,
    truth_seen: IntArray,
    prediction_seen: IntArray,
) -> FloatArray:
    """(groups, 19) for each matched pair the share in which its two tracks are matched, of the times either is seen."""
    span = max(len(prediction_seen), 1)
    codes = candidates.truth_track * span + candidates.prediction_track
    codes, times = np.unique(codes * _NUM_LEVELS + level, return_counts=True)  # each pair of tracks, at each level
    codes, level = np.divmod(codes, _NUM_LEVELS)
    new = np.diff(codes, prepend=-1) != 0
    truth, prediction = np.divmod(codes[new], span)
    together = _at_thresholds(np.cumsum(new) - 1, level, len(truth), times)  # (pairs of tracks, 19)
    either = (truth_seen[truth] + prediction_seen[prediction])[:, None] - together
    shares = together * together / np.maximum(1, either)
    cells = group_of[truth][:, None] * len(THRESHOLDS) + np.arange(len(THRESHOLDS))
    sums: FloatArray = np.bincount(cells.ravel(), shares.ravel(), num_groups * len(THRESHOLDS)).astype(np.float64)
    return sums.reshape(num_groups, -1)


def match_most_alike(candidates: Candidates, likeness: FloatArray) -> BoolArray:
    """(C,) which pairs are matched, one to one in each moment, so that the sum of likeness is the largest."""
    contested = candidates.contested()
    matched = ~contested
    places = np.flatnonzero(contested)
    places = places[np.argsort(candidates.moment[places], kind="stable")]
    truths, predictions = candidates.truth[places].tolist(), candidates.prediction[places].tolist()
    costs = (-likeness[places]).tolist()
    settled: list[int] = []
    for start, end in runs(candidates.moment[places]):
        chosen = assign(truths[start:end], predictions[start:end], costs[start:end], 0)
        settled += [start + k for k in chosen]
    matched[places[settled]] = True
    return matched


def _at_thresholds(group: IntArray, level: IntArray, num_groups: int, weights: Numbers | None = None) -> FloatArray:
    """(groups, 19) how many (or what weight) of each group pass each threshold; level: (N,) the number they pass."""
    counts = np.bincount(group * _NUM_LEVELS + level, weights, num_groups * _NUM_LEVELS)
    counts = counts.reshape(num_groups, _NUM_LEVELS)
    return np.cumsum(counts[:, ::-1], axis=1)[:, -2::-1].astype(np.float64)


def hota_figures(sums: HotaSums, truths: FloatArray, predictions: FloatArray) -> dict[str, FloatArray]:
    """Means over the thresholds, (G,) each, in [0, 1]: hota, det_a, ass_a and loc_a (likeness where matched; as usual
    1 where nothing is). truths, predictions: (G,) joints there are. NaN without truth."""
    missing_or_matched = (truths + predictions)[:, None] - sums.matched
    detection = sums.matched / np.maximum(1, missing_or_matched)
    association = sums.association / np.maximum(1, sums.matched)
    location = np.where(sums.matched > 0, sums.likeness / np.maximum(1, sums.matched), 1)
    figures = {
        "hota": np.sqrt(detection * association), "det_a": detection, "ass_a": association, "loc_a": location,
    }  # fmt: skip
    return {name: np.where(truths > 0, figure.mean(axis=1), np.nan) for name, figure in figures.items()}
