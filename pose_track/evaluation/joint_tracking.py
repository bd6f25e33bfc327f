"""How well joints are tracked: counts for each kind of joint in each sequence, each kind tracked as if it were the only
one, and the figures that follow."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from pose_track.evaluation.clear_mot import Candidates, changes, match_over_time
from pose_track.evaluation.hota import HotaSums, hota_figures, hota_sums
from pose_track.evaluation.identity import identity_matches
from pose_track.evaluation.instances import NUM_JOINTS, BoolArray, Frames, Instances
from pose_track.evaluation.joint_pairs import MATCH_DISTANCE, JointPairs
from pose_track.evaluation.poseval_motp import counted_again
from pose_track.structures.sequence import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class TrackingCounts:
    """Each (G,) for G groups, a group being a kind of joint in a sequence, sorted by sequence: joints of truth and
    prediction; those matched (CLEAR MOT), and the sum of their distances in head sizes; switches; fragmentations;
    IDTP."""

    objects: FloatArray
    predictions: FloatArray
    detections: FloatArray
    distances: FloatArray
    switches: FloatArray
    fragmentations: FloatArray
    identity_matches: FloatArray


@dataclass(frozen=True, eq=False)
class _Sightings:
    """Joints of one side in the counted frames. number: (U,) person * joints + joint, rising; track, group: (U,)."""

    number: IntArray
    track: IntArray
    group: IntArray


def tracking_counts(
    truth: Instances, prediction: Instances, pairs: JointPairs, frames: Frames, counted: BoolArray, clean: bool
) -> tuple[TrackingCounts, HotaSums]:
    """counted: (F,) which frames count; clean: not as the official tool does, of two truths with the same last partner
    the latest keeps it, and each distance is summed once."""
    num_groups = frames.num_sequences * NUM_JOINTS
    seen = _sightings(truth, frames.sequence, counted)
    found = _sightings(prediction, frames.sequence, counted)
    group_of = np.zeros(int(seen.track.max(initial=-1)) + 1, np.int64)
    group_of[seen.track] = seen.group
    alike = _candidates(truth, prediction, pairs[counted[truth.frame[pairs.truth]]])
    near = alike[alike.distance <= MATCH_DISTANCE]
    matched = near[match_over_time(near, latest_keeps=clean)]
    partner = np.full(truth.present.size, -1)
    partner[matched.truth] = matched.prediction_track
    switched, fragmented = changes(seen.track, partner[seen.number])

    def count(groups: IntArray, weights: FloatArray | None = None) -> FloatArray:
        return np.bincount(groups, weights, num_groups).astype(np.float64)

    counts = TrackingCounts(
        objects=count(seen.group),
        predictions=count(found.group),
        detections=count(group_of[matched.truth_track]),
        distances=count(group_of[matched.truth_track], matched.distance * (1 if clean else 1 + counted_again(matched))),
        switches=count(seen.group[switched]),
        fragmentations=count(seen.group[fragmented]),
        identity_matches=identity_matches(near, group_of, num_groups).astype(np.float64),
    )
    return counts, hota_sums(alike, group_of, num_groups, np.bincount(seen.track), np.bincount(found.track))


def _sightings(crowd: Instances, sequence: IntArray, counted: BoolArray) -> _Sightings:
    number = np.flatnonzero(crowd.present & counted[crowd.frame][:, None])
    person, joint = np.divmod(number, NUM_JOINTS)
    tracks, sequences = crowd.track[person], sequence[crowd.frame[person]]
    return _Sightings(number, tracks * NUM_JOINTS + joint, sequences * NUM_JOINTS + joint)


def _candidates(truth: Instances, prediction: Instances, pairs: JointPairs) -> Candidates:
    """Each kind of joint has moments, sightings and tracks of its own."""

    def of_joint(people: IntArray) -> IntArray:
        return people * NUM_JOINTS + pairs.joint

    return Candidates(
        moment=of_joint(truth.frame[pairs.truth]),
        truth=of_joint(pairs.truth),
        prediction=of_joint(pairs.prediction),
        truth_track=of_joint(truth.track[pairs.truth]),
        prediction_track=of_joint(prediction.track[pairs.prediction]),
        distance=pairs.distance,
    )


_Sums = TypeVar("_Sums", TrackingCounts, HotaSums)


def _with_total(sums: _Sums) -> _Sums:
    """The same with one sequence more at the end, the sum of all."""

    def total(part: FloatArray) -> FloatArray:
        by_sequence = part.reshape(-1, NUM_JOINTS, *part.shape[1:])  # (G, ...) -> (S, K, ...)
        return np.concatenate([part, by_sequence.sum(axis=0)])

    return type(sums)(*(total(getattr(sums, f.name)) for f in fields(sums)))


def tracking_tables(
    counts: TrackingCounts, hota: HotaSums, frames: Frames, counted: BoolArray, dummies: BoolArray, clean: bool
) -> dict[str, FloatArray]:
    """The figures of tracking by name, (sequences + 1, 15) each, the last row over all sequences; in percent but for
    counts, NaN where undefined. dummies: (F,) frames that are one miss, one false positive and one object of each
    joint."""
    counts, hota = _with_total(counts), _with_total(hota)
    dummy = np.repeat(frames.number_of(dummies), NUM_JOINTS)
    objects, detections = counts.objects + dummy, counts.detections
    misses, false_positives = objects - detections, counts.predictions - detections + dummy
    with np.errstate(divide="ignore", invalid="ignore"):
        tables = {
            "mota": 1 - (misses + counts.switches + false_positives) / objects,
            "motp": 1 - counts.distances / detections,
            "mot_precision": detections / (detections + false_positives),
            "mot_recall": detections / objects,
            "idf1": 2 * counts.identity_matches / (counts.objects + counts.predictions),
            **hota_figures(hota, counts.objects, counts.predictions),
        }
    for name in ("mota", "idf1", *(("mot_precision",) if clean else ())):  # what false positives alone would define
        tables[name][(counts.objects if name == "idf1" else objects) == 0] = np.nan
    if not clean:
        anything = np.repeat(frames.number_of(counted | dummies) > 0, NUM_JOINTS)
        tables["motp"][anything & (detections == 0)] = 0
    tables = {name: 100 * table for name, table in tables.items()}
    tables |= {
        "switches": counts.switches, "fragmentations": counts.fragmentations, "misses": misses,
        "false_positives": false_positives, "objects": objects,
    }  # fmt: skip
    return {name: table.reshape(-1, NUM_JOINTS) for name, table in tables.items()}
