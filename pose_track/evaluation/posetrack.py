"""The PoseTrack evaluation: average precision of joints, and tracking metrics of joints.

There are two modes. "poseval" reproduces the metrics of the official tool (github.com/leonid-pishchulin/poseval);
"clean" is the same evaluation without its peculiarities:

- Frames: poseval evaluates frames whose gt lists a person; clean evaluates labelled frames, with or without people.
- Last frame: poseval leaves out the last evaluated frame of each sequence for tracking. A sequence of one frame has no
  tracking metrics then (the tool itself crashes). clean evaluates all.
- Empty frames: poseval counts a frame without remaining gt or predictions as one miss, one false positive and one
  object of every joint; clean counts the joints that are there.
- People without joints: poseval keeps people whose list of joints is empty, as is always the case with the 2018
  layout, so that their frame is not empty; clean drops them.
- Joints without gt: poseval includes AP, precision and recall 0 in the mean for a joint that is neither in gt nor in
  predictions, and 0 for both precisions of a joint that is only predicted. In clean a joint without gt has no metrics.
- MOTP without matches: 0 in poseval and part of the mean; undefined in clean.
- MOTP at switches: poseval counts the distances of some matches twice or more (see `poseval_motp`).
- Equal scores: poseval keeps the order that its sort leaves; in clean they are one step of the curve.
- Joints without a score: poseval uses -9999; clean uses the person's score, or else ranks the joint last.
- Equal shares of correct joints: poseval takes the first person or pose; clean the closer one.
- Two people last matched with the same prediction: in poseval the first keeps it; in clean the one matched latest.
- Ties make poseval depend on the order of people; clean depends neither on their order nor on the track ids. (Which of
  two joints at exactly the same distance the official tool matches depends on the solver that motmetrics finds on the
  machine. Only there may the tracking metrics of "poseval" differ from it.)

The official tool has no IDF1, HOTA, switches and fragmentations. In mode poseval they are computed over its evaluated
frames without the empty ones. Head sizes, the correctness limit of half a head size, ignore regions and the means over
the 15 joints are the same in both modes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from pose_track.evaluation.instances import NUM_JOINTS, EvaluationData, Frames, collect_instances, in_canonical_order
from pose_track.evaluation.joint_pairs import find_joint_pairs
from pose_track.evaluation.joint_tracking import count_tracking, tracking_tables
from pose_track.evaluation.pose_ap import ap_tables
from pose_track.structures.arrays import BoolArray, Float64Array
from pose_track.structures.sequence import PoseSequence

MODES = ("poseval", "clean")


@dataclass(frozen=True, eq=False)
class Metrics:
    """Metrics, each (16,): the 15 joints of POSETRACK_15, then the total. NaN where undefined.

    ap to loc_a are in percent; their total is the mean of the joints where the metric is defined. switches to objects
    are counts; their total is the sum.
    """

    ap: Float64Array
    precision: Float64Array
    recall: Float64Array
    mota: Float64Array
    motp: Float64Array
    mot_precision: Float64Array
    mot_recall: Float64Array
    idf1: Float64Array
    hota: Float64Array
    det_a: Float64Array
    ass_a: Float64Array
    loc_a: Float64Array
    switches: Float64Array
    fragmentations: Float64Array
    misses: Float64Array
    false_positives: Float64Array
    objects: Float64Array


_COUNTS = ("switches", "fragmentations", "misses", "false_positives", "objects")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The result of an evaluation.

    modes: the metrics over all sequences, by mode.
    sequences: the metrics of each sequence, by sequence name, then mode.
    """

    modes: dict[str, Metrics]
    sequences: dict[str, dict[str, Metrics]]


def evaluate_posetrack(pairs: Iterable[tuple[PoseSequence, PoseSequence]]) -> Evaluation:
    """The metrics of each sequence's (gt, prediction), in both modes.

    A gt person without a head box matches nobody. Predictions may have any skeleton that shares joints with PoseTrack.
    If one side has people but no track ids at all, all tracking metrics are NaN; a single person without an id is a
    track of their own. Raises ValueError without sequences, for two sequences of the same name, and for a prediction
    with another number of frames than its gt.
    """
    data = collect_instances(pairs)
    by_mode = {mode: _evaluate_mode(data, mode == "clean") for mode in MODES}
    return Evaluation(
        {mode: rows[-1] for mode, rows in by_mode.items()},
        {name: {mode: rows[s] for mode, rows in by_mode.items()} for s, name in enumerate(data.names)},
    )


def _evaluate_mode(data: EvaluationData, clean: bool) -> list[Metrics]:
    """The metrics of each sequence, then of all together."""
    frames = data.frames
    pose_frames, tracking_frames, empty_frames = _evaluated_frames(frames, clean)
    gt = data.gt[pose_frames[data.gt.frame]]
    prediction = data.prediction[pose_frames[data.prediction.frame]]
    if clean:
        gt, prediction = in_canonical_order(gt), in_canonical_order(prediction)
    pairs = find_joint_pairs(gt, prediction, len(frames))
    tables = ap_tables(gt, prediction, pairs, frames, pose_frames, clean)
    if data.has_ids:
        counts, hota = count_tracking(gt, prediction, pairs, frames, tracking_frames, clean)
        tables |= tracking_tables(counts, hota, frames, tracking_frames, empty_frames, clean)
    undefined = np.full((frames.num_sequences + 1, NUM_JOINTS + 1), np.nan)
    columns = [_with_total(tables[f.name], f.name) if f.name in tables else undefined for f in fields(Metrics)]
    return [Metrics(*(column[row] for column in columns)) for row in range(len(undefined))]


def _evaluated_frames(frames: Frames, clean: bool) -> tuple[BoolArray, BoolArray, BoolArray]:
    """(F,) each: the frames evaluated for AP, those evaluated for tracking, and those counted as empty (poseval)."""
    if clean:
        return frames.is_labelled, frames.is_labelled, np.zeros(len(frames), bool)
    at = np.flatnonzero(frames.has_gt)
    is_last = np.zeros(len(frames), bool)
    is_last[at[np.diff(frames.sequence[at], append=-1) != 0]] = True
    tracking = frames.has_gt & ~is_last
    has_people = frames.poseval_has_gt & frames.poseval_has_predictions
    return frames.has_gt, tracking & has_people, tracking & ~has_people


def _with_total(table: Float64Array, name: str) -> Float64Array:
    """(rows, 15) with the total appended as a 16th column."""
    defined = ~np.isnan(table)
    total = np.where(defined, table, 0).sum(axis=1)
    if name not in _COUNTS:
        with np.errstate(invalid="ignore"):
            total = total / defined.sum(axis=1)
    return np.column_stack([table, total])
