"""Higher order tracking accuracy (Luiten et al., "HOTA", IJCV 2021) of boxes and joints.

In each frame detections are matched so that the sum of a weight is the largest: of boxes the similarity times the
overall alignment of the two tracks (`alignment`), as in the paper; of joints the similarity alone, as PoseTrack21
defines it (Doering et al., "PoseTrack21", CVPR 2022). Matches are counted at the thresholds 0.05, 0.10 ... 0.95. The
published code of PoseTrack21 counts, for a frame without gt or without predictions, all joints of the whole sequence as
wrong; this code counts the frame's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose_track.evaluation.assignment import assign, runs
from pose_track.evaluation.clear_mot import Candidates
from pose_track.structures.arrays import BoolArray, Float64Array, IntArray

Numbers = NDArray[np.floating[Any] | np.integer[Any]]

THRESHOLDS = np.arange(0.05, 0.99, 0.05)  # 19
_NUM_LEVELS = len(THRESHOLDS) + 1  # a pair passes 0 to 19 thresholds
_LEAST_SIMILARITY = THRESHOLDS - np.finfo(float).eps


@dataclass(frozen=True, eq=False)
class HotaSums:
    """Sums over the matched pairs of each of G groups, (G, 19) each.

    matches: the number of pairs.
    similarity: their similarities.
    association: their association accuracies.
    """

    matches: Float64Array
    similarity: Float64Array
    association: Float64Array


def sum_hota(
    candidates: Candidates,
    similarity: Float64Array,
    matched: BoolArray,
    group_of: IntArray,
    num_groups: int,
    gt_counts: IntArray,
    prediction_counts: IntArray,
) -> HotaSums:
    """The sums of each group.

    candidates: pairs with a similarity above 0.
    similarity: (C,) of the candidates, in [0, 1].
    matched: (C,) the matched candidates, see `match_by_weight`.
    group_of: the group of each gt track, as in `count_idtp`.
    gt_counts, prediction_counts: the number of detections of each track.
    """
    candidates, similarity = candidates[matched], similarity[matched]
    level = np.searchsorted(_LEAST_SIMILARITY, similarity, side="right")  # number of passed thresholds
    group = group_of[candidates.gt_track]
    return HotaSums(
        _sum_at_thresholds(group, level, num_groups),
        _sum_at_thresholds(group, level, num_groups, similarity),
        _sum_association(candidates, level, group_of, num_groups, gt_counts, prediction_counts),
    )


def _sum_association(
    candidates: Candidates,
    level: IntArray,
    group_of: IntArray,
    num_groups: int,
    gt_counts: IntArray,
    prediction_counts: IntArray,
) -> Float64Array:
    """(groups, 19) the sum of association accuracies: for each matched pair TPA / (TPA + FNA + FPA) of its tracks."""
    num_tracks = max(len(prediction_counts), 1)
    codes = candidates.gt_track * num_tracks + candidates.prediction_track
    codes, counts = np.unique(codes * _NUM_LEVELS + level, return_counts=True)  # each pair of tracks at each level
    codes, level = np.divmod(codes, _NUM_LEVELS)
    is_new = np.diff(codes, prepend=-1) != 0
    gt, prediction = np.divmod(codes[is_new], num_tracks)
    matches = _sum_at_thresholds(np.cumsum(is_new) - 1, level, len(gt), counts)  # (pairs of tracks, 19)
    union = (gt_counts[gt] + prediction_counts[prediction])[:, None] - matches
    accuracy = matches * matches / np.maximum(1, union)
    cells = group_of[gt][:, None] * len(THRESHOLDS) + np.arange(len(THRESHOLDS))
    sums: Float64Array = np.bincount(cells.ravel(), accuracy.ravel(), num_groups * len(THRESHOLDS)).astype(np.float64)
    return sums.reshape(num_groups, -1)


def alignment(
    candidates: Candidates, similarity: Float64Array, gt_counts: IntArray, prediction_counts: IntArray
) -> Float64Array:
    """(C,) how well the two tracks of each candidate agree over the whole sequence, in [0, 1].

    Each frame in which both are near each other adds the Jaccard index of their similarity: less if there are others
    near (TrackEval's global alignment score).
    """
    of_gt, of_prediction = (
        np.bincount(number, similarity)[number] for number in (candidates.gt, candidates.prediction)
    )
    share = similarity / (of_gt + of_prediction - similarity)
    codes = candidates.gt_track * max(len(prediction_counts), 1) + candidates.prediction_track
    pair = np.unique(codes, return_inverse=True)[1]
    common = np.bincount(pair, share, minlength=1)[pair]
    union = gt_counts[candidates.gt_track] + prediction_counts[candidates.prediction_track] - common
    return np.asarray(common / union, np.float64)


def match_by_weight(candidates: Candidates, weight: Float64Array) -> BoolArray:
    """(C,) the matched candidates, one to one in each frame, with the largest sum of weights, which are above 0."""
    ambiguous = candidates.is_ambiguous()
    matched = ~ambiguous
    rows = np.flatnonzero(ambiguous)
    rows = rows[np.argsort(candidates.frame[rows], kind="stable")]
    gts, predictions = candidates.gt[rows].tolist(), candidates.prediction[rows].tolist()
    costs = (-weight[rows]).tolist()
    all_chosen: list[int] = []
    for start, end in runs(candidates.frame[rows]):
        chosen = assign(gts[start:end], predictions[start:end], costs[start:end], 0)
        all_chosen += [start + k for k in chosen]
    matched[rows[all_chosen]] = True
    return matched


def _sum_at_thresholds(
    group: IntArray, level: IntArray, num_groups: int, weights: Numbers | None = None
) -> Float64Array:
    """(groups, 19) the number, or the sum of weights, of each group's pairs that pass each threshold.

    level: (N,) the number of thresholds that each pair passes.
    """
    counts = np.bincount(group * _NUM_LEVELS + level, weights, num_groups * _NUM_LEVELS)
    counts = counts.reshape(num_groups, _NUM_LEVELS)
    return np.cumsum(counts[:, ::-1], axis=1)[:, -2::-1].astype(np.float64)


def hota_metrics(sums: HotaSums, num_gt: Float64Array, num_predictions: Float64Array) -> dict[str, Float64Array]:
    """hota, det_a, ass_a and loc_a: means over the thresholds, (G,) each, in [0, 1]. NaN without gt.

    loc_a is the mean similarity of matched pairs; as usual 1 without any. num_gt, num_predictions: (G,) joints.
    """
    union = (num_gt + num_predictions)[:, None] - sums.matches
    detection = sums.matches / np.maximum(1, union)
    association = sums.association / np.maximum(1, sums.matches)
    localisation = np.where(sums.matches > 0, sums.similarity / np.maximum(1, sums.matches), 1)
    metrics = {
        "hota": np.sqrt(detection * association), "det_a": detection, "ass_a": association, "loc_a": localisation,
    }  # fmt: skip
    return {name: np.where(num_gt > 0, values.mean(axis=1), np.nan) for name, values in metrics.items()}
