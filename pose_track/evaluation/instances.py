"""The people of gt and prediction, of all sequences together, as arrays for evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose_track.evaluation.ignore_regions import remove_ignored_joints
from pose_track.geometry.boxes import head_sizes
from pose_track.structures.arrays import BoolArray, Float64Array, IntArray
from pose_track.structures.conversion import convert_annotations
from pose_track.structures.sequence import PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import POSETRACK_15

NUM_JOINTS = POSETRACK_15.num_joints


@dataclass(frozen=True, eq=False)
class Instances:
    """N people with at least one joint each, in order of their frames. Missing values are NaN.

    joints: (N, 15, 2) pixels; NaN for an absent joint.
    joint_scores: (N, 15).
    scores: (N,) person scores.
    head_sizes: (N,) pixels.
    frame: (N,) frame number, counted over all sequences, ascending.
    track: (N,) track number, from 0. No track spans two sequences. A person without a track id has their own track.
    """

    joints: Float64Array
    joint_scores: Float64Array
    scores: Float64Array
    head_sizes: Float64Array
    frame: IntArray
    track: IntArray

    def __len__(self) -> int:
        return len(self.joints)

    def __getitem__(self, keep: NDArray[Any]) -> Instances:
        return Instances(*(getattr(self, f.name)[keep] for f in fields(self)))

    @property
    def present(self) -> BoolArray:
        """(N, 15) which joints are present."""
        return ~np.isnan(self.joints[..., 0])


@dataclass(frozen=True, eq=False)
class Frames:
    """The F frames of all S sequences.

    sequence: (F,) sequence number, ascending.
    is_labelled: (F,) whether the frame was annotated.
    has_gt: (F,) whether the gt lists a person, even one without joints.
    poseval_has_gt, poseval_has_predictions: (F,) whether the official tool has a person left in the frame after its
        own filtering, see `_kept_by_poseval`.
    """

    num_sequences: int
    sequence: IntArray
    is_labelled: BoolArray
    has_gt: BoolArray
    poseval_has_gt: BoolArray
    poseval_has_predictions: BoolArray

    def __len__(self) -> int:
        return len(self.sequence)

    def sequence_bounds(self, instances: Instances) -> IntArray:
        """(S + 1,) the bounds of each sequence's people in `instances`."""
        return np.searchsorted(self.sequence[instances.frame], np.arange(self.num_sequences + 1))

    def count_per_sequence(self, selected: BoolArray) -> IntArray:
        """(S + 1,) the number of selected frames in each sequence, then in all. selected: (F,)."""
        return np.append(np.bincount(self.sequence[selected], minlength=self.num_sequences), selected.sum())


@dataclass(frozen=True, eq=False)
class EvaluationData:
    """The gt and predictions of S sequences.

    names: the sequences' names.
    has_ids: whether both sides have track ids; a side without people counts as having them.
    """

    names: tuple[str, ...]
    frames: Frames
    gt: Instances
    prediction: Instances
    has_ids: bool


def collect_instances(pairs: Iterable[tuple[PoseSequence, PoseSequence]]) -> EvaluationData:
    """The people of each (gt, prediction) pair with PoseTrack's 15 joints.

    Joints inside the gt's ignore regions are removed on both sides, then people without joints.

    Raises ValueError without any pair, for two sequences of the same name, and for a prediction with another number of
    frames than its gt.
    """
    pairs = list(pairs)
    names = tuple(gt.name for gt, _ in pairs)
    if not pairs:
        raise ValueError("no sequences to evaluate; give at least one pair of ground truth and prediction")
    if len(set(names)) < len(names):
        raise ValueError(f"two sequences are named {next(n for n in names if names.count(n) > 1)!r}; rename one")
    for gt, prediction in pairs:
        if len(gt) != len(prediction):
            raise ValueError(f"{gt.name}: expected a prediction of {len(gt)} frames, got {len(prediction)}")
    gt_instances, poseval_has_gt = _collect_side([gt for gt, _ in pairs], pairs)
    prediction_instances, poseval_has_predictions = _collect_side([prediction for _, prediction in pairs], pairs)
    frames = Frames(
        len(pairs),
        np.repeat(np.arange(len(pairs)), [len(gt) for gt, _ in pairs]),
        np.array([frame.is_labelled for gt, _ in pairs for frame in gt.frames], bool),
        np.concatenate([_frames_with(gt, np.ones(len(gt.people), bool)) for gt, _ in pairs]),
        poseval_has_gt,
        poseval_has_predictions,
    )
    has_ids = all(_has_ids(side) for side in zip(*pairs, strict=True))
    return EvaluationData(names, frames, gt_instances, prediction_instances, has_ids)


def _has_ids(sequences: Iterable[PoseSequence]) -> bool:
    ids = np.concatenate([sequence.people.track_ids for sequence in sequences])
    return bool(len(ids) == 0 or (ids != -1).any())


def _collect_side(
    sequences: list[PoseSequence], pairs: list[tuple[PoseSequence, PoseSequence]]
) -> tuple[Instances, BoolArray]:
    """The people of one side, and (F,) whether the official tool has any left in each frame."""
    collected, kept_by_poseval = [], []
    first_frame = first_track = 0
    for sequence, (gt, _) in zip(sequences, pairs, strict=True):
        people = convert_annotations(sequence.people, sequence.skeleton, POSETRACK_15)
        people = replace(people, joints=remove_ignored_joints(people.joints, sequence.frame_indices, gt.frames))
        kept_by_poseval.append(_frames_with(sequence, _kept_by_poseval(sequence, people, gt)))
        track = track_numbers(people.track_ids)
        instances = Instances(
            people.joints, people.joint_scores, people.scores, head_sizes(people.head_boxes),
            sequence.frame_indices + first_frame, track + first_track,
        )  # fmt: skip
        collected.append(instances[np.flatnonzero(instances.present.any(axis=1))])
        first_frame += len(sequence)
        first_track += int(track.max(initial=-1)) + 1
    merged = (np.concatenate([getattr(instances, f.name) for instances in collected]) for f in fields(Instances))
    return Instances(*merged), np.concatenate(kept_by_poseval)


def _frames_with(sequence: PoseSequence, selected: BoolArray) -> BoolArray:
    """(frames,) which frames have a selected person. selected: (N,)."""
    return np.bincount(sequence.frame_indices[selected], minlength=len(sequence)) > 0


def _kept_by_poseval(sequence: PoseSequence, people: PoseAnnotations, gt: PoseSequence) -> BoolArray:
    """(N,) the people that the official tool keeps.

    It drops people without a list of joints, but keeps those with an empty list, as its conversion of the 2018 layout
    makes them. In frames with ignore regions it drops everyone without a remaining joint.
    """
    kept = np.asarray(people.has_joint.any(axis=1))
    has_regions = np.array([bool(frame.ignore_regions) for frame in gt.frames], bool)
    for row in np.flatnonzero(~kept & ~has_regions[sequence.frame_indices]).tolist():
        annopoints = people.extra[row].get("annopoints")  # the 2017 reader stores it for people without joints
        kept[row] = sequence.layout == "posetrack18" or bool(annopoints and "point" in annopoints[0])
    return kept


def track_numbers(track_ids: IntArray) -> IntArray:
    """Track ids as numbers from 0. A person without an id (-1) gets a number of their own."""
    unused_ids = track_ids.min(initial=0) - 1 - np.arange(len(track_ids))
    return np.unique(np.where(track_ids == -1, unused_ids, track_ids), return_inverse=True)[1].astype(np.int64)


def in_canonical_order(instances: Instances) -> Instances:
    """The same people with tracks renumbered by content, and each frame's people sorted by track.

    The result does not depend on the order or the track ids of the input. Tracks are ranked by all values of their
    people; the order of two identical tracks makes no difference.
    """
    if not len(instances):
        return instances
    people = [
        instances.frame, instances.head_sizes, instances.scores, instances.joints.reshape(len(instances), -1),
        instances.joint_scores,
    ]  # fmt: skip
    content = np.column_stack(people) + 0.0  # turns -0.0 into 0.0, so that equal values have equal bytes
    content[np.isnan(content)] = np.nan  # one bit pattern for all NaN
    by_track = np.argsort(instances.track, kind="stable")
    tracks, starts = np.unique(instances.track[by_track], return_index=True)
    data, row_size = content[by_track].tobytes(), content.shape[1] * content.itemsize
    ends = np.append(starts[1:], len(instances))
    keys = [data[a * row_size : b * row_size] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    rank = np.zeros(int(tracks.max(initial=-1)) + 1, np.int64)
    rank[tracks[sorted(range(len(keys)), key=keys.__getitem__)]] = np.arange(len(keys))
    order = np.lexsort((rank[instances.track], instances.frame))
    return replace(instances[order], track=rank[instances.track][order])
