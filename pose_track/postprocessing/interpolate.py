"""Filling short gaps: a person who was not seen for some frames, a joint that was not found in some.

Positions are those of the cubic smoothing spline through the joint's nearest known positions on both sides. It is
what a Kalman filter of constant velocity with the Rauch-Tung-Striebel smoother gives (Wahba, JRSS B 40, 1978), at any
time at once; see `docs/finishing.md` for how it was chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import make_smoothing_spline

from pose_track.postprocessing.tracks import body_sizes, track_rows
from pose_track.structures.sequence import FloatArray, IntArray, People, PoseSequence

# jitter of a position against what a velocity strays, squared, in seconds^3: 0.03 and 2 body heights
_STIFFNESS = (0.03 / 2) ** 2
# known positions on either side that a gap is filled from
_CONTEXT = 8
# the least number scipy makes a smoothing spline of
_MIN_KNOWN = 5
# a filled pose this near to another person's, in body sizes, is that person seen by another id
_DOUBLE = 0.1


@dataclass(frozen=True)
class FillLimits:
    """max_seconds: from the frame before a gap to the frame after it, 0 fills nothing; score_share: how sure what is
    filled in is, as a share of the lower of the scores before and after."""

    max_seconds: float
    score_share: float


def fill_gaps(sequence: PoseSequence, times: FloatArray, limits: FillLimits) -> PoseSequence:
    """The same with people and joints who were missing for a short time within a track, in the frames there are.

    times: (F,) seconds of the frames, rising. Boxes are interpolated in a line; flags are not told; a person's `more`
    has the source "filled" where the one before has a source. Filled people come after the others of a frame. Nobody is
    filled in where somebody else is in the same place. Nothing that was there changes.
    """
    people = sequence.people
    changed = replace(people, joints=people.joints.copy(), joint_scores=people.joint_scores.copy())
    new: list[tuple[int, People]] = []
    for rows in track_rows(sequence).values():
        places = sequence.frame_of[rows]
        track = _Track(people[rows], places, times[places[0] : places[-1] + 1])
        joints, scores = _filled_joints(track, limits)
        at = places - places[0]
        changed.joints[rows], changed.joint_scores[rows] = joints[at], scores[at]
        for t in np.setdiff1d(np.flatnonzero(~np.isnan(joints[..., 0]).all(axis=1)), at):
            new.append((int(places[0] + t), _person(track, int(t), joints[t], scores[t], limits.score_share)))
    sequence = replace(sequence, people=changed)
    return _inserted(sequence, _without_doubles(sequence, new))


@dataclass(frozen=True, eq=False)
class _Track:
    """people: (n,) of one track; places: (n,) of their frames; seconds: of all frames from the first to the last."""

    people: People
    places: IntArray
    seconds: FloatArray


def _filled_joints(track: _Track, limits: FillLimits) -> tuple[FloatArray, FloatArray]:
    """(T, K, 2) positions and (T, K) scores in all frames from the first to the last; NaN where there still is none."""
    at = track.places - track.places[0]
    shape = (len(track.seconds), track.people.joints.shape[1])
    joints, scores = np.full((*shape, 2), np.nan), np.full(shape, np.nan)
    joints[at], scores[at] = track.people.joints, track.people.joint_scores
    for k in range(shape[1]):
        known = np.flatnonzero(~np.isnan(joints[:, k, 0]))
        steps = np.diff(track.seconds[known])
        for i in np.flatnonzero((np.diff(known) > 1) & (steps <= limits.max_seconds + 1e-9)):
            gap = np.arange(known[i] + 1, known[i + 1])
            near = known[max(i + 1 - _CONTEXT, 0) : i + 1 + _CONTEXT]
            joints[gap, k] = between(track.seconds[near], joints[near, k], track.seconds[gap])
            scores[gap, k] = limits.score_share * min(scores[known[i], k], scores[known[i + 1], k])
    return joints, scores


def between(seconds: FloatArray, positions: FloatArray, wanted: FloatArray) -> FloatArray:
    """(M, 2) positions at the (M,) `wanted` seconds, from (n, 2) known ones at (n,) rising seconds: of the smoothing
    spline, or, where fewer than five are known, along the straight line.

    >>> between(np.array([0.0, 2.0]), np.array([[0.0, 4.0], [1.0, 8.0]]), np.array([1.0])).tolist()
    [[0.5, 6.0]]
    """
    if len(seconds) < _MIN_KNOWN:
        return np.stack([np.interp(wanted, seconds, column) for column in positions.T], axis=1)
    columns = [make_smoothing_spline(seconds, column, lam=_STIFFNESS)(wanted) for column in positions.T]
    return np.stack(columns, axis=1)


def _person(track: _Track, t: int, joints: FloatArray, scores: FloatArray, score_share: float) -> People:
    """The one person filled in at frame `t` of the track, from the people seen before and after."""
    at = track.places - track.places[0]
    i = int(np.searchsorted(at, t))
    before, after = track.people[i - 1 : i], track.people[i : i + 1]
    share = (track.seconds[t] - track.seconds[at[i - 1]]) / (track.seconds[at[i]] - track.seconds[at[i - 1]])
    return People.of(
        joints[None],
        scores[None],
        scores=score_share * np.minimum(before.scores, after.scores),
        boxes=before.boxes + share * (after.boxes - before.boxes),
        head_boxes=before.head_boxes + share * (after.head_boxes - before.head_boxes),
        track_ids=before.track_ids,
        more=np.array([{"source": "filled"}], object) if "source" in before.more[0] else None,
    )


def _without_doubles(sequence: PoseSequence, new: list[tuple[int, People]]) -> list[tuple[int, People]]:
    """Those of the new people, each with the place of a frame, who are not in the same place as somebody there."""
    ends = np.searchsorted(sequence.frame_of, np.arange(len(sequence) + 1))
    return [
        (place, person)
        for place, person in new
        if not _is_there(person, sequence.people.joints[ends[place] : ends[place + 1]])
    ]


def _is_there(person: People, others: FloatArray) -> bool:
    """Whether one of the (N, K, 2) others has, in the median, its joints where this person has."""
    apart = np.hypot(*np.moveaxis(others - person.joints, -1, 0))  # (N, K)
    apart = apart[~np.isnan(apart).all(axis=1)]
    return len(apart) > 0 and bool((np.nanmedian(apart, axis=1) < _DOUBLE * body_sizes(person.joints)).any())


def _inserted(sequence: PoseSequence, new: list[tuple[int, People]]) -> PoseSequence:
    """The sequence with the new people behind the others of their frames."""
    everybody = People.joined([sequence.people, *(person for _, person in new)])
    frame_of = np.concatenate([sequence.frame_of, np.array([place for place, _ in new], np.int64)])
    order = np.argsort(frame_of, kind="stable")
    return replace(sequence, people=everybody[order], frame_of=frame_of[order])
