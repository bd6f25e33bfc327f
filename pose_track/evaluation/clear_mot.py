"""Matching truth and prediction over time, by which CLEAR MOT counts (Bernardin and Stiefelhagen, "Evaluating multiple
object tracking performance: the CLEAR MOT metrics", 2008). Boxes, people or joints: nothing here knows what is matched.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose_track.evaluation.assignment import assign, runs
from pose_track.structures.sequence import FloatArray, IntArray

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Candidates:
    """C pairs near enough to be matched.

    moment: (C,) at which both are seen; each moment is matched by itself, and later ones have larger numbers; truth,
    prediction: (C,) numbers of the two sightings, of which every thing has another one each moment, rising with time;
    truth_track, prediction_track: (C,) who is seen, from 0; distance: (C,) from 0.
    """

    moment: IntArray
    truth: IntArray
    prediction: IntArray
    truth_track: IntArray
    prediction_track: IntArray
    distance: FloatArray

    def __getitem__(self, keep: NDArray[Any]) -> Candidates:
        keep = np.flatnonzero(keep) if keep.dtype == bool else keep  # once for all
        return Candidates(*(getattr(self, f.name)[keep] for f in fields(self)))

    def contested(self) -> BoolArray:
        """(C,) where the truth or the prediction could be matched with another one as well."""
        of_truth, of_prediction = np.bincount(self.truth), np.bincount(self.prediction)
        return np.asarray((of_truth[self.truth] > 1) | (of_prediction[self.prediction] > 1))


def match_over_time(candidates: Candidates, latest_keeps: bool = True) -> BoolArray:
    """(C,) which pairs are matched, one to one in each moment: first whom a truth was matched with last, however long
    ago; then as many as possible, with the least sum of distances.

    Of two truths whose last partner is the same prediction, the one that had it last keeps it if `latest_keeps`, else
    (as motmetrics, and so the official PoseTrack tool, has it) the one listed first.

    >>> seen = np.array([[0, 1, 1], [0, 1, 1], [0, 1, 2], [0, 0, 0], [5, 5, 6]])  # at moments 0 and 1
    >>> match_over_time(Candidates(*seen, np.array([0.3, 0.3, 0.1])))  # 6 is nearer, but 5 was the partner before
    array([ True,  True, False])
    """
    contested = candidates.contested()
    matched = ~contested  # without a choice the past makes no difference
    places = np.flatnonzero(contested)
    places = places[np.argsort(candidates.moment[places], kind="stable")]
    asked = candidates[places]
    free_moments, free_partners = _last_partners(candidates[matched], asked)
    truths, predictions = asked.truth_track.tolist(), asked.prediction_track.tolist()
    distances, moments = asked.distance.tolist(), asked.moment.tolist()
    last: dict[int, tuple[int, int]] = {}  # of each truth: moment and partner of its last contested match
    settled: list[int] = []
    for start, end in runs(asked.moment):
        held = []  # (moment, place) of pairs that were partners before
        for k in range(start, end):
            when, whom = last.get(truths[k], (-1, -1))
            if free_moments[k] > when:
                when, whom = free_moments[k], free_partners[k]
            if whom == predictions[k]:
                held.append((when, k))
        if latest_keeps:
            held.sort(reverse=True)
        chosen = _keep_partners([k for _, k in held], predictions)
        taken, given = {truths[k] for k in chosen}, {predictions[k] for k in chosen}
        rest = [k for k in range(start, end) if truths[k] not in taken and predictions[k] not in given]
        chosen += _most_and_nearest(rest, truths, predictions, distances)
        for k in chosen:
            last[truths[k]] = moments[k], predictions[k]
        settled += chosen
    matched[places[settled]] = True
    return matched


def _last_partners(free: Candidates, asked: Candidates) -> tuple[list[int], list[int]]:
    """Moment and partner of the last of the `free` matches that the truth of each asked pair had before, else -1."""
    wanted = np.zeros(int(max(free.truth_track.max(initial=0), asked.truth_track.max(initial=0))) + 1, bool)
    wanted[asked.truth_track] = True
    free = free[wanted[free.truth_track]]
    if not len(free.moment) or not len(asked.moment):
        return [-1] * len(asked.moment), [-1] * len(asked.moment)
    span = int(max(free.moment.max(), asked.moment.max())) + 1
    keys = free.truth_track * span + free.moment  # by truth, then in time
    order = np.argsort(keys)
    at = order[np.searchsorted(keys[order], asked.truth_track * span + asked.moment) - 1]
    found = (free.truth_track[at] == asked.truth_track) & (free.moment[at] < asked.moment)
    partners = np.where(found, free.prediction_track[at], -1)
    return np.where(found, free.moment[at], -1).tolist(), partners.tolist()


def _keep_partners(held: list[int], predictions: list[int]) -> list[int]:
    """Of the pairs, in order, those whose prediction nobody took before."""
    taker: dict[int, int] = {}
    for k in held:
        taker.setdefault(predictions[k], k)
    return list(taker.values())


def _most_and_nearest(rest: list[int], truths: list[int], predictions: list[int], distances: list[float]) -> list[int]:
    """Of the pairs the largest one-to-one selection; among such, the one of the least sum of distances."""
    if len(rest) < 2:
        return rest
    costs = [distances[k] for k in rest]
    too_dear = 2 * sum(costs) + 1  # one pair more is worth any sum
    return [rest[k] for k in assign([truths[k] for k in rest], [predictions[k] for k in rest], costs, too_dear)]


def in_order_of_time(track: IntArray) -> IntArray:
    """(N,) where the sightings of each track are, track by track, each in the order they have."""
    # numpy sorts stably in linear time where 16 bits are enough
    return np.argsort(track.astype(np.min_scalar_type(track.max(initial=0))), kind="stable")


def changes(track: IntArray, partner: IntArray) -> tuple[BoolArray, BoolArray]:
    """Where a truth is matched again, of N sightings in order of time: with somebody else than the last time (a
    switch), and after sightings at which it was missed (a fragmentation).

    track: (N,) who is seen, from 0; partner: (N,) with which prediction's track it is matched, -1 missed. Returns two
    (N,) masks.

    >>> changes(np.array([0, 0, 0, 0]), np.array([4, -1, 4, 5]))
    (array([False, False, False,  True]), array([False, False,  True, False]))
    """
    order = in_order_of_time(track)
    at = np.flatnonzero(partner[order] >= 0)
    who, whom = track[order[at]], partner[order[at]]
    again = who[1:] == who[:-1]
    switched, fragmented = np.zeros(len(track), bool), np.zeros(len(track), bool)
    switched[order[at[1:]]] = again & (whom[1:] != whom[:-1])
    fragmented[order[at[1:]]] = again & (np.diff(at) > 1)
    return switched, fragmented
