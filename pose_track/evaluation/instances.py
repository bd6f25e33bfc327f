"""The people of truth and prediction, of all sequences together, as arrays that can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose_track.evaluation.ignore_regions import without_ignored
from pose_track.geometry.boxes import head_sizes
from pose_track.structures.conversion import convert_people
from pose_track.structures.sequence import FloatArray, IntArray, People, PoseSequence
from pose_track.structures.skeleton import POSETRACK_15

BoolArray = NDArray[np.bool_]

NUM_JOINTS = POSETRACK_15.num_joints


@dataclass(frozen=True, eq=False)
class Instances:
    """N people, everyone with a joint at least, in order of their frames.

    joints: (N, 15, 2) pixels, NaN where not there; joint_scores: (N, 15); scores: (N,); head_sizes: (N,) pixels; all
    NaN where not told; frame: (N,) not falling, counted through all sequences; track: (N,) from 0, of one sequence
    each; whoever has no id is a track of their own.
    """

    joints: FloatArray
    joint_scores: FloatArray
    scores: FloatArray
    head_sizes: FloatArray
    frame: IntArray
    track: IntArray

    def __len__(self) -> int:
        return len(self.joints)

    def __getitem__(self, keep: NDArray[Any]) -> Instances:
        return Instances(*(getattr(self, f.name)[keep] for f in fields(self)))

    @property
    def present(self) -> BoolArray:
        """(N, 15) which joints are there."""
        return ~np.isnan(self.joints[..., 0])


@dataclass(frozen=True, eq=False)
class Frames:
    """F frames of all S sequences. sequence: (F,) number of the sequence, not falling; labelled: (F,); has_truth: (F,)
    whether the truth lists anybody, be it without a joint; truth_left, prediction_left: (F,) whether the official
    tool has anybody left there (see `_listed`)."""

    num_sequences: int
    sequence: IntArray
    labelled: BoolArray
    has_truth: BoolArray
    truth_left: BoolArray
    prediction_left: BoolArray

    def __len__(self) -> int:
        return len(self.sequence)

    def bounds(self, crowd: Instances) -> IntArray:
        """(S + 1,) where the people of each sequence begin and end in the crowd."""
        return np.searchsorted(self.sequence[crowd.frame], np.arange(self.num_sequences + 1))

    def number_of(self, chosen: BoolArray) -> IntArray:
        """(S + 1,) how many of the chosen (F,) frames each sequence has, and all have."""
        return np.append(np.bincount(self.sequence[chosen], minlength=self.num_sequences), chosen.sum())


@dataclass(frozen=True, eq=False)
class Comparison:
    """What is compared. names: of the S sequences; has_ids: whether both sides tell who is who (a side without people
    does)."""

    names: tuple[str, ...]
    frames: Frames
    truth: Instances
    prediction: Instances
    has_ids: bool


def gather(pairs: Iterable[tuple[PoseSequence, PoseSequence]]) -> Comparison:
    """Truth and prediction of each sequence, brought to PoseTrack's 15 joints, without joints in ignore regions (the
    truth's, for both sides) and then without people who have no joint left.

    Raises ValueError without any pair, where two have the same name, or where a prediction has another number of
    frames than its truth.
    """
    pairs = list(pairs)
    names = tuple(truth.name for truth, _ in pairs)
    if not pairs:
        raise ValueError("no sequences to compare; expected a truth and a prediction at least")
    if len(set(names)) < len(names):
        raise ValueError(f"two sequences are named {next(n for n in names if names.count(n) > 1)!r}")
    for truth, prediction in pairs:
        if len(truth) != len(prediction):
            raise ValueError(f"{truth.name}: expected a prediction of {len(truth)} frames, got {len(prediction)}")
    sides = [_side([truth for truth, _ in pairs], pairs), _side([prediction for _, prediction in pairs], pairs)]
    (truth_crowd, truth_left), (prediction_crowd, prediction_left) = sides
    frames = Frames(
        len(pairs),
        np.repeat(np.arange(len(pairs)), [len(truth) for truth, _ in pairs]),
        np.array([frame.is_labelled for truth, _ in pairs for frame in truth.frames], bool),
        np.concatenate([_frames_of(truth, np.ones(len(truth.people), bool)) for truth, _ in pairs]),
        truth_left,
        prediction_left,
    )
    has_ids = all(_has_ids(side) for side in zip(*pairs, strict=True))
    return Comparison(names, frames, truth_crowd, prediction_crowd, has_ids)


def _has_ids(sequences: Iterable[PoseSequence]) -> bool:
    ids = np.concatenate([sequence.people.track_ids for sequence in sequences])
    return bool(len(ids) == 0 or (ids != -1).any())


def _side(sequences: list[PoseSequence], pairs: list[tuple[PoseSequence, PoseSequence]]) -> tuple[Instances, BoolArray]:
    """The people of one side, and (F,) the frames in which the official tool has any."""
    crowds, left = [], []
    first_frame = first_track = 0
    for sequence, (truth, _) in zip(sequences, pairs, strict=True):
        people = convert_people(sequence.people, sequence.skeleton, POSETRACK_15)
        people = replace(people, joints=without_ignored(people.joints, sequence.frame_of, truth.frames))
        left.append(_frames_of(sequence, _listed(sequence, people, truth)))
        track = _numbered(people.track_ids)
        crowd = Instances(
            people.joints, people.joint_scores, people.scores, head_sizes(people.head_boxes),
            sequence.frame_of + first_frame, track + first_track,
        )  # fmt: skip
        crowds.append(crowd[np.flatnonzero(crowd.present.any(axis=1))])
        first_frame += len(sequence)
        first_track += int(track.max(initial=-1)) + 1
    return Instances(
        *(np.concatenate([getattr(c, f.name) for c in crowds]) for f in fields(Instances))
    ), np.concatenate(left)


def _frames_of(sequence: PoseSequence, chosen: BoolArray) -> BoolArray:
    """(frames,) where one of the chosen (N,) people is."""
    return np.bincount(sequence.frame_of[chosen], minlength=len(sequence)) > 0


def _listed(sequence: PoseSequence, people: People, truth: PoseSequence) -> BoolArray:
    """(N,) who is in the lists that the official tool compares in the end. It drops people without a list of joints,
    not those whose list is empty, as its conversion of the 2018 layout leaves it; but in frames with ignore regions it
    drops everybody without a joint left."""
    stays = np.asarray(people.has_joint.any(axis=1))
    has_regions = np.array([bool(frame.ignore_regions) for frame in truth.frames], bool)
    for row in np.flatnonzero(~stays & ~has_regions[sequence.frame_of]).tolist():
        told = people.more[row].get("annopoints")  # kept by the reader of the 2017 layout where it holds no joint
        stays[row] = sequence.layout == "posetrack18" or bool(told and "point" in told[0])
    return stays


def _numbered(track_ids: IntArray) -> IntArray:
    """Ids as numbers from 0; whoever has none (-1) is given an own number."""
    own = track_ids.min(initial=0) - 1 - np.arange(len(track_ids))
    return np.unique(np.where(track_ids == -1, own, track_ids), return_inverse=True)[1].astype(np.int64)


def in_canonical_order(crowd: Instances) -> Instances:
    """The same people with tracks renumbered by their contents, those of each frame in order of their track.

    Whatever their order and ids, the same people come out as the same arrays: tracks are told apart by all that is
    known of their people, and where two are alike in that, either may stand for the other.
    """
    if not len(crowd):
        return crowd
    people = [crowd.frame, crowd.head_sizes, crowd.scores, crowd.joints.reshape(len(crowd), -1), crowd.joint_scores]
    content = np.column_stack(people) + 0.0  # no -0.0, and one NaN for all: equal values have equal bytes
    content[np.isnan(content)] = np.nan
    by_track = np.argsort(crowd.track, kind="stable")
    tracks, starts = np.unique(crowd.track[by_track], return_index=True)
    memory, size = content[by_track].tobytes(), content.shape[1] * content.itemsize
    ends = np.append(starts[1:], len(crowd))
    told = [memory[a * size : b * size] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    rank = np.zeros(int(tracks.max(initial=-1)) + 1, np.int64)
    rank[tracks[sorted(range(len(told)), key=told.__getitem__)]] = np.arange(len(told))
    order = np.lexsort((rank[crowd.track], crowd.frame))
    return replace(crowd[order], track=rank[crowd.track][order])
