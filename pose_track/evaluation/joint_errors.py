"""What is wrong with each joint: which people are missed, false or switched, and how far off the joints of the others
are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pose_track.evaluation.assignment import assign, runs
from pose_track.evaluation.instances import NUM_JOINTS, Instances, collect_instances
from pose_track.evaluation.joint_pairs import MATCH_DISTANCE, find_joint_pairs
from pose_track.structures.arrays import BoolArray, Float64Array, IntArray
from pose_track.structures.sequence import PoseSequence

ErrorKind = Literal["correct", "switched", "off", "absent", "missed", "false"]


@dataclass(frozen=True, eq=False)
class JointErrors:
    """The joints of POSETRACK_15 by what is wrong with them.

    counts: (15,) for each kind. Each gt joint is "missed" if its person has no predicted one, "absent" if that person
        lacks it, "off" if it is more than half a head size away, "switched" if it is close but the track of the person
        is another than before, else "correct". "false" are the joints of predicted people without a gt person.
    distances: 15 arrays, in head sizes, of the joints that both people have.
    """

    counts: dict[ErrorKind, IntArray]
    distances: tuple[Float64Array, ...]

    @property
    def num_gt(self) -> IntArray:
        """(15,) gt joints."""
        counts = [count for kind, count in self.counts.items() if kind != "false"]
        return np.asarray(np.sum(counts, axis=0), np.int64)


def joint_errors(pairs: Iterable[tuple[PoseSequence, PoseSequence]]) -> JointErrors:
    """The errors in the labelled frames of all pairs of gt and prediction.

    In each frame people are matched one to one, so that as many joints as possible are close. Without track ids nobody
    is switched. Raises ValueError as `collect_instances` does.
    """
    data = collect_instances(pairs)
    labelled = data.frames.is_labelled
    gt, prediction = data.gt[labelled[data.gt.frame]], data.prediction[labelled[data.prediction.frame]]
    partner = _match_people(gt, prediction, len(data.frames))
    matched = partner >= 0
    distances = np.full(gt.present.shape, np.nan)
    ends = prediction.joints[partner[matched]]
    with np.errstate(divide="ignore", invalid="ignore"):
        distances[matched] = np.hypot(*np.moveaxis(gt.joints[matched] - ends, 2, 0)) / gt.head_sizes[matched, None]
    close, far = distances <= MATCH_DISTANCE, distances > MATCH_DISTANCE
    switched = _switched(gt, prediction, partner) if data.has_ids else np.zeros(len(gt), bool)
    known = ~np.isnan(distances)
    is_false = np.ones(len(prediction), bool)
    is_false[partner[matched]] = False
    counts: dict[ErrorKind, IntArray] = {
        "correct": (close & ~switched[:, None]).sum(axis=0),
        "switched": (close & switched[:, None]).sum(axis=0),
        "off": far.sum(axis=0),
        "absent": (gt.present & ~known & matched[:, None]).sum(axis=0),
        "missed": (gt.present & ~matched[:, None]).sum(axis=0),
        "false": prediction.present[is_false].sum(axis=0),
    }
    return JointErrors(counts, tuple(distances[known[:, k], k] for k in range(NUM_JOINTS)))


def _match_people(gt: Instances, prediction: Instances, num_frames: int) -> IntArray:
    """(N,) the predicted person of each gt person; -1 without one."""
    pairs = find_joint_pairs(gt, prediction, num_frames)
    pairs = pairs[pairs.distance <= MATCH_DISTANCE]
    people, num_close = np.unique(np.stack([pairs.gt, pairs.prediction], axis=1), axis=0, return_counts=True)
    partner = np.full(len(gt), -1)
    for start, end in runs(gt.frame[people[:, 0]]):
        rows, columns = people[start:end].T.tolist()
        chosen = np.array(assign(rows, columns, (-num_close[start:end]).tolist(), 0.0), np.int64) + start
        partner[people[chosen, 0]] = people[chosen, 1]
    return partner


def _switched(gt: Instances, prediction: Instances, partner: IntArray) -> BoolArray:
    """(N,) whether the predicted track of a gt person is another than when the person was last matched."""
    switched = np.zeros(len(gt), bool)
    last: dict[int, int] = {}
    for row in np.flatnonzero(partner >= 0).tolist():
        track = int(prediction.track[partner[row]])
        switched[row] = last.get(int(gt.track[row]), track) != track
        last[int(gt.track[row])] = track
    return switched
