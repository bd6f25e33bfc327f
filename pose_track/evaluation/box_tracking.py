"""Tracking metrics of boxes: CLEAR MOT, identity metrics and HOTA, equal to TrackEval's for MOTChallenge.

Boxes match from an IoU of 0.5, and for HOTA at its thresholds. People whose box is not `counted`, such as hidden ones,
are neither missed nor found: predictions that match them best are removed first (TrackEval's preprocessing of
distractors).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pose_track.evaluation.assignment import assign, runs
from pose_track.evaluation.clear_mot import Candidates, switches_and_fragmentations, track_order
from pose_track.evaluation.hota import HotaSums, alignment, hota_metrics, match_by_weight, sum_hota
from pose_track.evaluation.identity import count_idtp
from pose_track.evaluation.joint_pairs import same_frame_pairs
from pose_track.geometry.boxes import paired_iou
from pose_track.structures.arrays import BoolArray, Float64Array, IntArray

_MIN_IOU = 0.5 - np.finfo(float).eps
_CONTINUED = 1000.0  # weight of a pair that was matched in the frame before, as in TrackEval


@dataclass(frozen=True, eq=False)
class BoxTracks:
    """The N boxes of a video, in the order of their frames.

    frame: (N,) ascending, from 0.
    ids: (N,) track ids, unique within a frame.
    boxes: (N, 4) x1 y1 x2 y2 in pixels.
    counted: (N,) which boxes are evaluated; predictions all are.
    """

    frame: IntArray
    ids: IntArray
    boxes: Float64Array
    counted: BoolArray

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, keep: NDArray[Any]) -> BoxTracks:
        return BoxTracks(*(getattr(self, f.name)[keep] for f in fields(self)))


class IdentityChange(NamedTuple):
    """A track that passes to another one of the other side. frames: of the last match before and of the first after;
    gt_ids: of the people concerned."""

    frames: tuple[int, int]
    gt_ids: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class BoxTracking:
    """The comparison of gt and predictions of one video.

    num_gt, num_predictions, num_matches: boxes; matches of CLEAR MOT.
    idtp: identity true positives.
    num_fragmentations: matches after one or more misses. Frames in which a person is absent or not counted are no miss,
        other than in TrackEval.
    switches: changes of the predicted id of a person.
    strangers: changes of the person who has a predicted id.
    hota: sums, (1, 19) each.
    """

    num_gt: int
    num_predictions: int
    num_matches: int
    idtp: int
    num_fragmentations: int
    switches: tuple[IdentityChange, ...]
    strangers: tuple[IdentityChange, ...]
    hota: HotaSums


def compare_box_tracks(gt: BoxTracks, prediction: BoxTracks) -> BoxTracking:
    """Compare the tracks of one video."""
    gt, prediction = gt[gt.counted], _without_ignored(gt, prediction)
    pairs, iou = _pairs(gt, prediction)
    gt_counts, prediction_counts = (np.unique(side.ids, return_counts=True)[1] for side in (gt, prediction))
    is_close = iou >= _MIN_IOU
    close = pairs[is_close]
    matches = close[_match_continued(close, iou[is_close], gt.frame, prediction.frame)]
    matched_prediction, matched_gt = np.full(len(gt), -1), np.full(len(prediction), -1)
    matched_prediction[matches.gt], matched_gt[matches.prediction] = matches.prediction_track, matches.gt_track
    gt_track = np.unique(gt.ids, return_inverse=True)[1]
    weight = alignment(pairs, iou, gt_counts, prediction_counts) * iou
    groups = np.zeros(len(gt_counts), np.int64)
    hota = sum_hota(pairs, iou, match_by_weight(pairs, weight), groups, 1, gt_counts, prediction_counts)
    return BoxTracking(
        len(gt),
        len(prediction),
        len(matches.gt),
        int(count_idtp(close, groups, 1)[0]),
        int(switches_and_fragmentations(gt_track, matched_prediction)[1].sum()),
        tuple(_changes(gt.frame, gt.ids, gt_track, matched_prediction)),
        tuple(_taken(gt, prediction, matched_gt)),
        hota,
    )


def with_gt_ids(gt: BoxTracks, boxes: BoxTracks) -> BoxTracks:
    """The boxes that match a person of the gt, counted or not, with that person's id: what a perfect tracker would make
    of them. In each frame the sum of IoUs is the largest."""
    matches = _best_matches(gt, boxes)
    order = np.argsort(matches.prediction, kind="stable")
    return replace(boxes[matches.prediction[order]], ids=gt.ids[matches.gt[order]])


def _pairs(gt: BoxTracks, prediction: BoxTracks) -> tuple[Candidates, Float64Array]:
    """The overlapping pairs of each frame, and their IoU."""
    num_frames = int(max(gt.frame.max(initial=-1), prediction.frame.max(initial=-1))) + 1
    rows, columns = same_frame_pairs(gt.frame, prediction.frame, num_frames)
    iou = paired_iou(gt.boxes[rows], prediction.boxes[columns])
    keep = iou > 0
    rows, columns, iou = rows[keep], columns[keep], iou[keep]
    gt_track, prediction_track = (np.unique(side.ids, return_inverse=True)[1] for side in (gt, prediction))
    return Candidates(gt.frame[rows], rows, columns, gt_track[rows], prediction_track[columns], 1 - iou), iou


def _best_matches(gt: BoxTracks, prediction: BoxTracks) -> Candidates:
    """The pairs with the largest sum of IoUs in each frame, whatever the ids."""
    pairs, iou = _pairs(gt, prediction)
    is_close = iou >= _MIN_IOU
    close = pairs[is_close]
    return close[match_by_weight(close, iou[is_close])]


def _without_ignored(gt: BoxTracks, prediction: BoxTracks) -> BoxTracks:
    """The predictions that are not matched with a person who is not counted."""
    matches = _best_matches(gt, prediction)
    return prediction[np.setdiff1d(np.arange(len(prediction)), matches.prediction[~gt.counted[matches.gt]])]


def _match_continued(
    candidates: Candidates, iou: Float64Array, gt_frames: IntArray, prediction_frames: IntArray
) -> BoolArray:
    """(C,) CLEAR MOT matches: first those of the frame before, then the largest sum of IoUs.

    The frame before is the last one with both gt and predictions.
    """
    rank = {frame: number for number, frame in enumerate(np.intersect1d(gt_frames, prediction_frames).tolist())}
    gts, predictions = candidates.gt_track.tolist(), candidates.prediction_track.tolist()
    matched = np.zeros(len(gts), bool)
    previous: dict[int, int] = {}
    last_rank = -1
    for start, end in runs(candidates.frame):
        frame_rank = rank[int(candidates.frame[start])]
        previous = previous if frame_rank == last_rank + 1 else {}
        costs = [-float(iou[k]) - _CONTINUED * (previous.get(gts[k]) == predictions[k]) for k in range(start, end)]
        chosen = [start + k for k in assign(gts[start:end], predictions[start:end], costs, 0)]
        matched[chosen] = True
        previous, last_rank = {gts[k]: predictions[k] for k in chosen}, frame_rank
    return matched


def _change_rows(track: IntArray, other: IntArray) -> list[tuple[int, int]]:
    """Rows of successive matches of one track with different others, -1 for none; in order of the track."""
    order = track_order(track)
    rows = order[other[order] >= 0]
    is_change = (track[rows[1:]] == track[rows[:-1]]) & (other[rows[1:]] != other[rows[:-1]])
    at = np.flatnonzero(is_change)
    return list(zip(rows[at].tolist(), rows[at + 1].tolist(), strict=True))


def _changes(frame: IntArray, ids: IntArray, track: IntArray, other: IntArray) -> Iterable[IdentityChange]:
    """Switches: changes of the prediction that each gt track is matched with."""
    for before, after in _change_rows(track, other):
        yield IdentityChange((int(frame[before]), int(frame[after])), (int(ids[after]),))


def _taken(gt: BoxTracks, prediction: BoxTracks, matched_gt: IntArray) -> Iterable[IdentityChange]:
    """Strangers: changes of the gt track that each prediction is matched with."""
    gt_ids = np.unique(gt.ids)
    for before, after in _change_rows(np.unique(prediction.ids, return_inverse=True)[1], matched_gt):
        people = (int(gt_ids[matched_gt[row]]) for row in (before, after))
        yield IdentityChange((int(prediction.frame[before]), int(prediction.frame[after])), tuple(people))


def box_tracking_metrics(results: Iterable[BoxTracking]) -> dict[str, float]:
    """Metrics over several videos: idf1, hota, ass_a, det_a, mota in [0, 1], NaN without gt; and sums, switches,
    fragmentations, strangers, misses, false_positives and boxes (of the gt).
    """
    results = list(results)

    def total(name: str) -> int:
        return sum(int(getattr(result, name)) for result in results)

    num_gt, num_predictions, matches = total("num_gt"), total("num_predictions"), total("num_matches")
    switches = sum(len(result.switches) for result in results)
    misses, false_positives = num_gt - matches, num_predictions - matches
    hota = {"hota": np.nan, "ass_a": np.nan, "det_a": np.nan}
    if results:
        sums = (np.sum([getattr(result.hota, f.name) for result in results], axis=0) for f in fields(HotaSums))
        table = hota_metrics(HotaSums(*sums), np.array([float(num_gt)]), np.array([float(num_predictions)]))
        hota = {name: float(table[name][0]) for name in hota}
    return {
        "idf1": 2 * total("idtp") / (num_gt + num_predictions) if num_gt else np.nan,
        **hota,
        "mota": 1 - (misses + false_positives + switches) / num_gt if num_gt else np.nan,
        "switches": switches,
        "fragmentations": total("num_fragmentations"),
        "strangers": sum(len(result.strangers) for result in results),
        "misses": misses,
        "false_positives": false_positives,
        "boxes": num_gt,
    }
