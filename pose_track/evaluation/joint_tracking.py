"""Tracking metrics of joints. Each joint type of each sequence is tracked as if it were the only one."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from pose_track.evaluation.clear_mot import Candidates, match_clear_mot, switches_and_fragmentations
from pose_track.evaluation.hota import HotaSums, hota_metrics, match_by_weight, sum_hota
from pose_track.evaluation.identity import count_idtp
from pose_track.evaluation.instances import NUM_JOINTS, Frames, Instances
from pose_track.evaluation.joint_pairs import MATCH_DISTANCE, MAX_DISTANCE, JointPairs
from pose_track.evaluation.poseval_motp import count_repeated_events
from pose_track.structures.arrays import BoolArray, Float64Array, IntArray


@dataclass(frozen=True, eq=False)
class TrackingCounts:
    """Counts of G groups, (G,) each. A group is a joint type in a sequence; groups are sorted by sequence.

    num_gt, num_predictions: joints.
    num_matches: CLEAR MOT matches.
    distance_sums: the sum of the matches' distances, in head sizes.
    num_switches, num_fragmentations: see `switches_and_fragmentations`.
    idtp: identity true positives.
    """

    num_gt: Float64Array
    num_predictions: Float64Array
    num_matches: Float64Array
    distance_sums: Float64Array
    num_switches: Float64Array
    num_fragmentations: Float64Array
    idtp: Float64Array


@dataclass(frozen=True, eq=False)
class _Joints:
    """The U joints of one side in the evaluated frames.

    number: (U,) person * NUM_JOINTS + joint, ascending.
    track, group: (U,).
    """

    number: IntArray
    track: IntArray
    group: IntArray


def count_tracking(
    gt: Instances, prediction: Instances, pairs: JointPairs, frames: Frames, evaluated: BoolArray, clean: bool
) -> tuple[TrackingCounts, HotaSums]:
    """The counts of each group.

    evaluated: (F,) the evaluated frames.
    clean: unlike the official tool, of two gt tracks last matched with the same prediction the one matched latest keeps
        it, and each distance is summed once.
    """
    num_groups = frames.num_sequences * NUM_JOINTS
    gt_joints = _evaluated_joints(gt, frames.sequence, evaluated)
    predicted_joints = _evaluated_joints(prediction, frames.sequence, evaluated)
    group_of = np.zeros(int(gt_joints.track.max(initial=-1)) + 1, np.int64)
    group_of[gt_joints.track] = gt_joints.group
    similar = joint_candidates(gt, prediction, pairs[evaluated[gt.frame[pairs.gt]]])
    close = similar[similar.distance <= MATCH_DISTANCE]
    matches = close[match_clear_mot(close, prefer_latest=clean)]
    matched_track = np.full(gt.present.size, -1)
    matched_track[matches.gt] = matches.prediction_track
    switched, fragmented = switches_and_fragmentations(gt_joints.track, matched_track[gt_joints.number])
    distances = matches.distance * (1 if clean else 1 + count_repeated_events(matches))

    def count(groups: IntArray, weights: Float64Array | None = None) -> Float64Array:
        return np.bincount(groups, weights, num_groups).astype(np.float64)

    counts = TrackingCounts(
        num_gt=count(gt_joints.group),
        num_predictions=count(predicted_joints.group),
        num_matches=count(group_of[matches.gt_track]),
        distance_sums=count(group_of[matches.gt_track], distances),
        num_switches=count(gt_joints.group[switched]),
        num_fragmentations=count(gt_joints.group[fragmented]),
        idtp=count_idtp(close, group_of, num_groups).astype(np.float64),
    )
    gt_counts, prediction_counts = np.bincount(gt_joints.track), np.bincount(predicted_joints.track)
    similarity = np.maximum(0, 1 - similar.distance / MAX_DISTANCE)
    matched = match_by_weight(similar, similarity)
    return counts, sum_hota(similar, similarity, matched, group_of, num_groups, gt_counts, prediction_counts)


def _evaluated_joints(instances: Instances, sequence: IntArray, evaluated: BoolArray) -> _Joints:
    number = np.flatnonzero(instances.present & evaluated[instances.frame][:, None])
    person, joint = np.divmod(number, NUM_JOINTS)
    tracks, sequences = instances.track[person], sequence[instances.frame[person]]
    return _Joints(number, tracks * NUM_JOINTS + joint, sequences * NUM_JOINTS + joint)


def joint_candidates(gt: Instances, prediction: Instances, pairs: JointPairs) -> Candidates:
    """Pairs of joints as candidates of a matching. Each joint type has its own frame, detection and track numbers."""

    def per_joint(numbers: IntArray) -> IntArray:
        return numbers * NUM_JOINTS + pairs.joint

    return Candidates(
        frame=per_joint(gt.frame[pairs.gt]),
        gt=per_joint(pairs.gt),
        prediction=per_joint(pairs.prediction),
        gt_track=per_joint(gt.track[pairs.gt]),
        prediction_track=per_joint(prediction.track[pairs.prediction]),
        distance=pairs.distance,
    )


_Sums = TypeVar("_Sums", TrackingCounts, HotaSums)


def _with_total(sums: _Sums) -> _Sums:
    """The same sums with the total over all sequences appended as one more sequence."""

    def append_total(values: Float64Array) -> Float64Array:
        by_sequence = values.reshape(-1, NUM_JOINTS, *values.shape[1:])  # (G, ...) -> (S, K, ...)
        return np.concatenate([values, by_sequence.sum(axis=0)])

    return type(sums)(*(append_total(getattr(sums, f.name)) for f in fields(sums)))


def tracking_tables(
    counts: TrackingCounts, hota: HotaSums, frames: Frames, evaluated: BoolArray, empty: BoolArray, clean: bool
) -> dict[str, Float64Array]:
    """The tracking metrics by name, (sequences + 1, 15) each; the last row is over all sequences.

    All but the counts are in percent; NaN where undefined.

    empty: (F,) frames that count as one miss, one false positive and one object of each joint (poseval).
    """
    counts, hota = _with_total(counts), _with_total(hota)
    num_empty = np.repeat(frames.count_per_sequence(empty), NUM_JOINTS)
    objects, matches = counts.num_gt + num_empty, counts.num_matches
    misses, false_positives = objects - matches, counts.num_predictions - matches + num_empty
    with np.errstate(divide="ignore", invalid="ignore"):
        tables = {
            "mota": 1 - (misses + counts.num_switches + false_positives) / objects,
            "motp": 1 - counts.distance_sums / matches,
            "mot_precision": matches / (matches + false_positives),
            "mot_recall": matches / objects,
            "idf1": 2 * counts.idtp / (counts.num_gt + counts.num_predictions),
            **hota_metrics(hota, counts.num_gt, counts.num_predictions),
        }
    for name in ("mota", "idf1", *(("mot_precision",) if clean else ())):  # false positives alone define no metric
        tables[name][(counts.num_gt if name == "idf1" else objects) == 0] = np.nan
    if not clean:
        has_frames = np.repeat(frames.count_per_sequence(evaluated | empty) > 0, NUM_JOINTS)
        tables["motp"][has_frames & (matches == 0)] = 0
    tables = {name: 100 * table for name, table in tables.items()}
    tables |= {
        "switches": counts.num_switches, "fragmentations": counts.num_fragmentations, "misses": misses,
        "false_positives": false_positives, "objects": objects,
    }  # fmt: skip
    return {name: table.reshape(-1, NUM_JOINTS) for name, table in tables.items()}
