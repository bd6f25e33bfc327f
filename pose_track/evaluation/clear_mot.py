"""CLEAR MOT matching of ground truth (gt) and predictions over time (Bernardin and Stiefelhagen, "Evaluating multiple
object tracking performance: the CLEAR MOT metrics", 2008). It applies to boxes, people and joints alike.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose_track.evaluation.assignment import assign, runs
from pose_track.structures.arrays import BoolArray, Float64Array, IntArray


@dataclass(frozen=True, eq=False)
class Candidates:
    """C candidate pairs of a gt object and a prediction, close enough to be matched.

    frame: (C,) frame number, increasing with time. Each frame is matched separately.
    gt, prediction: (C,) numbers of the two detections. Each detection of each frame has its own number, increasing
        with time.
    gt_track, prediction_track: (C,) track numbers of the two detections, from 0.
    distance: (C,) at least 0.
    """

    frame: IntArray
    gt: IntArray
    prediction: IntArray
    gt_track: IntArray
    prediction_track: IntArray
    distance: Float64Array

    def __getitem__(self, keep: NDArray[Any]) -> Candidates:
        keep = np.flatnonzero(keep) if keep.dtype == bool else keep  # once for all arrays
        return Candidates(*(getattr(self, f.name)[keep] for f in fields(self)))

    def is_ambiguous(self) -> BoolArray:
        """(C,) whether the gt object or the prediction has other candidates."""
        gt_counts, prediction_counts = np.bincount(self.gt), np.bincount(self.prediction)
        return np.asarray((gt_counts[self.gt] > 1) | (prediction_counts[self.prediction] > 1))


def match_clear_mot(candidates: Candidates, prefer_latest: bool = True) -> BoolArray:
    """(C,) the matched candidates, one to one in each frame.

    First each gt object keeps the prediction of its last match, however long ago. The others are matched so that there
    are as many matches as possible, with the least sum of distances.

    prefer_latest: if two gt objects were last matched with the same prediction, the one matched latest keeps it; else
        (as in motmetrics, and so in the official PoseTrack tool) the one listed first.

    >>> pairs = np.array([[0, 1, 1], [0, 1, 1], [0, 1, 2], [0, 0, 0], [5, 5, 6]])  # frames 0 and 1
    >>> match_clear_mot(Candidates(*pairs, np.array([0.3, 0.3, 0.1])))  # 6 is closer, but 5 was matched before
    array([ True,  True, False])
    """
    ambiguous = candidates.is_ambiguous()
    matched = ~ambiguous  # without alternatives the previous matches make no difference
    rows = np.flatnonzero(ambiguous)
    rows = rows[np.argsort(candidates.frame[rows], kind="stable")]
    rest = candidates[rows]
    previous_frames, previous_predictions = _previous_matches(candidates[matched], rest)
    gts, predictions = rest.gt_track.tolist(), rest.prediction_track.tolist()
    frames, distances = rest.frame.tolist(), rest.distance.tolist()
    last_match: dict[int, tuple[int, int]] = {}  # gt track -> frame and prediction track, ambiguous matches only
    all_chosen: list[int] = []
    for start, end in runs(rest.frame):
        continued = []  # (frame of the last match, row)
        for k in range(start, end):
            frame, prediction = last_match.get(gts[k], (-1, -1))
            if previous_frames[k] > frame:
                frame, prediction = previous_frames[k], previous_predictions[k]
            if prediction == predictions[k]:
                continued.append((frame, k))
        if prefer_latest:
            continued.sort(reverse=True)
        chosen = _first_per_prediction([k for _, k in continued], predictions)
        chosen += _match_others(chosen, range(start, end), gts, predictions, distances)
        for k in chosen:
            last_match[gts[k]] = frames[k], predictions[k]
        all_chosen += chosen
    matched[rows[all_chosen]] = True
    return matched


def _previous_matches(matches: Candidates, candidates: Candidates) -> tuple[list[int], list[int]]:
    """For each candidate the frame and prediction track of its gt track's last earlier match; -1 without one."""
    num_tracks = int(max(matches.gt_track.max(initial=0), candidates.gt_track.max(initial=0))) + 1
    is_wanted = np.zeros(num_tracks, bool)
    is_wanted[candidates.gt_track] = True
    matches = matches[is_wanted[matches.gt_track]]
    if not len(matches.frame) or not len(candidates.frame):
        return [-1] * len(candidates.frame), [-1] * len(candidates.frame)
    num_frames = int(max(matches.frame.max(), candidates.frame.max())) + 1
    keys = matches.gt_track * num_frames + matches.frame  # by track, then by time
    order = np.argsort(keys)
    at = order[np.searchsorted(keys[order], candidates.gt_track * num_frames + candidates.frame) - 1]
    is_valid = (matches.gt_track[at] == candidates.gt_track) & (matches.frame[at] < candidates.frame)
    predictions = np.where(is_valid, matches.prediction_track[at], -1)
    return np.where(is_valid, matches.frame[at], -1).tolist(), predictions.tolist()


def _first_per_prediction(rows: list[int], predictions: list[int]) -> list[int]:
    """The first of the rows for each prediction."""
    first: dict[int, int] = {}
    for k in rows:
        first.setdefault(predictions[k], k)
    return list(first.values())


def _match_others(
    chosen: list[int], rows: range, gts: list[int], predictions: list[int], distances: list[float]
) -> list[int]:
    """The largest one-to-one selection of rows that fits those already chosen, with the least sum of distances."""
    matched_gts, matched_predictions = {gts[k] for k in chosen}, {predictions[k] for k in chosen}
    free = [k for k in rows if gts[k] not in matched_gts and predictions[k] not in matched_predictions]
    if len(free) < 2:
        return free
    costs = [distances[k] for k in free]
    unlisted_cost = 2 * sum(costs) + 1  # one more pair outweighs any sum of distances
    return [free[k] for k in assign([gts[k] for k in free], [predictions[k] for k in free], costs, unlisted_cost)]


def track_order(track: IntArray) -> IntArray:
    """(N,) indices that sort detections by track, each track's detections in their given order."""
    # numpy sorts 16-bit integers stably in linear time
    return np.argsort(track.astype(np.min_scalar_type(track.max(initial=0))), kind="stable")


def switches_and_fragmentations(track: IntArray, matched_track: IntArray) -> tuple[BoolArray, BoolArray]:
    """Two (N,) masks over N gt detections in order of time.

    Switches: matches with another prediction track than the gt track's last match.
    Fragmentations: matches after one or more misses since the gt track's last match.

    track: (N,) gt track numbers, from 0.
    matched_track: (N,) track numbers of the matched predictions, -1 for a miss.

    >>> switches_and_fragmentations(np.array([0, 0, 0, 0]), np.array([4, -1, 4, 5]))
    (array([False, False, False,  True]), array([False, False,  True, False]))
    """
    order = track_order(track)
    at = np.flatnonzero(matched_track[order] >= 0)
    gt, prediction = track[order[at]], matched_track[order[at]]
    same_gt = gt[1:] == gt[:-1]
    switched, fragmented = np.zeros(len(track), bool), np.zeros(len(track), bool)
    switched[order[at[1:]]] = same_gt & (prediction[1:] != prediction[:-1])
    fragmented[order[at[1:]]] = same_gt & (np.diff(at) > 1)
    return switched, fragmented
