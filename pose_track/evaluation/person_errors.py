"""Which people of each frame are missed, false or switched, by the joint matching of the tracking metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pose_track.evaluation.clear_mot import match_clear_mot, switches_and_fragmentations
from pose_track.evaluation.instances import NUM_JOINTS, Instances, collect_instances, track_numbers
from pose_track.evaluation.joint_pairs import MATCH_DISTANCE, find_joint_pairs
from pose_track.evaluation.joint_tracking import joint_candidates
from pose_track.structures.arrays import IntArray
from pose_track.structures.sequence import PoseSequence


@dataclass(frozen=True)
class PersonErrors:
    """A person of gt or of the prediction, with the joints that mode "clean" of the evaluation counts.

    frame: index into the frames of the pair of sequences.
    is_gt: whether a person of gt. track_id: in the file; -1 without one.
    num_joints: evaluated joints. num_matched: those with a CLEAR MOT match.
    num_switched: those of gt whose match has another id than their last one.
    partner: track id of the person of the other side with most of the matches; -1 without one.
    """

    frame: int
    is_gt: bool
    track_id: int
    num_joints: int
    num_matched: int
    num_switched: int
    partner: int

    @property
    def kind(self) -> str:
        """What the person is shown as: "missed" (gt) or "false" (prediction) with less than half the joints matched,
        "switched" with half the matches or more, otherwise "matched"."""
        if 2 * self.num_matched < self.num_joints:
            return "missed" if self.is_gt else "false"
        return "switched" if self.num_switched and 2 * self.num_switched >= self.num_matched else "matched"


def person_errors(gt: PoseSequence, prediction: PoseSequence) -> list[PersonErrors]:
    """Everyone in the labelled frames who has a joint to evaluate, first the people of gt, then the predicted ones.

    Switches and matches are those that `evaluate_posetrack` counts in mode "clean": joint by joint, up to half a head
    size, each pair kept while it is possible. They can differ where two matches have exactly the same distance. Raises
    ValueError as `collect_instances` does.
    """
    data = collect_instances([(gt, prediction)])
    is_labelled = data.frames.is_labelled
    gts, predictions = data.gt[is_labelled[data.gt.frame]], data.prediction[is_labelled[data.prediction.frame]]
    candidates = joint_candidates(gts, predictions, find_joint_pairs(gts, predictions, len(data.frames)))
    candidates = candidates[candidates.distance <= MATCH_DISTANCE]
    matches = candidates[match_clear_mot(candidates)]
    gt_ids, predicted_ids = _ids(gt, gts), _ids(prediction, predictions)
    gt_side = _side(gts, gt_ids, matches.gt, matches.prediction_track, predicted_ids[matches.prediction // NUM_JOINTS])
    other = _side(
        predictions, predicted_ids, matches.prediction, matches.gt_track, gt_ids[matches.gt // NUM_JOINTS], is_gt=False
    )
    return [*gt_side, *other]


def _ids(sequence: PoseSequence, instances: Instances) -> IntArray:
    """(N,) the track id of each instance as in the file."""
    numbers = track_numbers(sequence.people.track_ids)
    ids = np.full(int(numbers.max(initial=-1)) + 1, -1, np.int64)
    ids[numbers] = sequence.people.track_ids
    return ids[instances.track]


def _side(
    side: Instances, ids: IntArray, matched: IntArray, tracks: IntArray, partners: IntArray, is_gt: bool = True
) -> Iterator[PersonErrors]:
    """matched: (C,) joints of this side, person * NUM_JOINTS + joint. tracks, partners: the track number and the
    person's id of their counterparts."""
    counterpart = np.full(side.present.size, -1)
    counterpart[matched] = tracks
    number = np.flatnonzero(side.present)
    track = side.track[number // NUM_JOINTS] * NUM_JOINTS + number % NUM_JOINTS
    switched = np.zeros(side.present.size, bool)
    if is_gt:
        switched[number] = switches_and_fragmentations(track, counterpart[number])[0]
    num_joints, num_switched = side.present.sum(axis=1), switched.reshape(side.present.shape).sum(axis=1)
    order = np.argsort(matched, kind="stable")
    bounds = np.searchsorted(matched[order] // NUM_JOINTS, np.arange(len(side) + 1))
    for row in range(len(side)):
        own = partners[order[bounds[row] : bounds[row + 1]]]
        counts = (int(side.frame[row]), is_gt, int(ids[row]), int(num_joints[row]), len(own), int(num_switched[row]))
        yield PersonErrors(*counts, _most_frequent(own))


def _most_frequent(ids: IntArray) -> int:
    """-1 where there are none."""
    values, counts = np.unique(ids, return_counts=True)
    return int(values[counts.argmax()]) if len(values) else -1
