"""Interpolating short gaps: frames in which a tracked person, or one of their joints, is missing.

Positions lie on the cubic smoothing spline through the joint's nearest known positions on both sides. This equals a
constant-velocity Kalman filter with the Rauch-Tung-Striebel smoother (Wahba, JRSS B 40, 1978), evaluated at any time.
`docs/finishing.md` compares it with other methods.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import make_smoothing_spline

from pose_track.postprocessing.tracks import body_sizes, track_rows
from pose_track.structures.arrays import Float64Array, IntArray
from pose_track.structures.sequence import PoseAnnotations, PoseSequence

# Variance of a position over the diffusion of the velocity, in seconds^3: 0.03 and 2 body heights, squared.
_SMOOTHING = (0.03 / 2) ** 2
_CONTEXT = 8  # known positions used on either side of a gap
_MIN_KNOWN = 5  # scipy needs as many for a smoothing spline
_DUPLICATE_DISTANCE = 0.1  # body sizes; an interpolated pose closer to another person is that person with another id


@dataclass(frozen=True)
class InterpolateLimits:
    """What is interpolated.

    max_seconds: longest gap, from the frame before to the frame after it; 0 interpolates nothing.
    score_share: the score of an interpolated joint or person, as a share of the lower of the scores before and after.
    """

    max_seconds: float
    score_share: float


def interpolate_gaps(sequence: PoseSequence, times: Float64Array, limits: InterpolateLimits) -> PoseSequence:
    """The sequence with people and joints added in the frames of short gaps within a track; nothing else changes.

    Boxes are interpolated linearly, and flags are -1. The `extra` of an added person has the source "filled" if the
    person before the gap has a source. Added people come last in their frame. A person is not added where another
    person is in the same place.

    times: (F,) seconds of the frames, increasing.
    """
    people = sequence.people
    changed = replace(people, joints=people.joints.copy(), joint_scores=people.joint_scores.copy())
    added: list[tuple[int, PoseAnnotations]] = []
    for rows in track_rows(sequence).values():
        places = sequence.frame_indices[rows]
        track = _Track(people[rows], places, times[places[0] : places[-1] + 1])
        joints, scores = _interpolated_joints(track, limits)
        known = places - places[0]
        changed.joints[rows], changed.joint_scores[rows] = joints[known], scores[known]
        for t in np.setdiff1d(np.flatnonzero(~np.isnan(joints[..., 0]).all(axis=1)), known):
            person = _interpolated_person(track, int(t), joints[t], scores[t], limits.score_share)
            added.append((int(places[0] + t), person))
    sequence = replace(sequence, people=changed)
    return _insert(sequence, _without_duplicates(sequence, added))


@dataclass(frozen=True, eq=False)
class _Track:
    """One track.

    people: n people, one for each frame that has the track.
    places: (n,) indices of these frames in the sequence.
    seconds: (T,) times of all frames from the first to the last of them.
    """

    people: PoseAnnotations
    places: IntArray
    seconds: Float64Array


def _interpolated_joints(track: _Track, limits: InterpolateLimits) -> tuple[Float64Array, Float64Array]:
    """(T, K, 2) positions and (T, K) scores in all frames from the first to the last; NaN if still absent."""
    places = track.places - track.places[0]
    shape = (len(track.seconds), track.people.joints.shape[1])
    joints, scores = np.full((*shape, 2), np.nan), np.full(shape, np.nan)
    joints[places], scores[places] = track.people.joints, track.people.joint_scores
    for k in range(shape[1]):
        known = np.flatnonzero(~np.isnan(joints[:, k, 0]))
        steps = np.diff(track.seconds[known])
        for i in np.flatnonzero((np.diff(known) > 1) & (steps <= limits.max_seconds + 1e-9)):
            gap = np.arange(known[i] + 1, known[i + 1])
            near = known[max(i + 1 - _CONTEXT, 0) : i + 1 + _CONTEXT]
            joints[gap, k] = interpolate_positions(track.seconds[near], joints[near, k], track.seconds[gap])
            scores[gap, k] = limits.score_share * min(scores[known[i], k], scores[known[i + 1], k])
    return joints, scores


def interpolate_positions(
    known_seconds: Float64Array, positions: Float64Array, wanted_seconds: Float64Array
) -> Float64Array:
    """(M, 2) positions at the (M,) wanted times from (n, 2) positions at (n,) increasing known times.

    They lie on the smoothing spline, or, for fewer than five known positions, on the straight lines between these.

    >>> interpolate_positions(np.array([0.0, 2.0]), np.array([[0.0, 4.0], [1.0, 8.0]]), np.array([1.0])).tolist()
    [[0.5, 6.0]]
    """
    if len(known_seconds) < _MIN_KNOWN:
        columns = [np.interp(wanted_seconds, known_seconds, column) for column in positions.T]
    else:
        splines = [make_smoothing_spline(known_seconds, column, lam=_SMOOTHING) for column in positions.T]
        columns = [spline(wanted_seconds) for spline in splines]
    return np.stack(columns, axis=1)


def _interpolated_person(
    track: _Track, t: int, joints: Float64Array, scores: Float64Array, score_share: float
) -> PoseAnnotations:
    """The person to add at frame `t` of the track, from the people before and after the gap."""
    places = track.places - track.places[0]
    i = int(np.searchsorted(places, t))
    before, after = track.people[i - 1 : i], track.people[i : i + 1]
    start, end = track.seconds[places[i - 1]], track.seconds[places[i]]
    share = (track.seconds[t] - start) / (end - start)
    return PoseAnnotations.from_joints(
        joints[None],
        scores[None],
        scores=score_share * np.minimum(before.scores, after.scores),
        boxes=before.boxes + share * (after.boxes - before.boxes),
        head_boxes=before.head_boxes + share * (after.head_boxes - before.head_boxes),
        track_ids=before.track_ids,
        extra=np.array([{"source": "filled"}], object) if "source" in before.extra[0] else None,
    )


def _without_duplicates(
    sequence: PoseSequence, added: list[tuple[int, PoseAnnotations]]
) -> list[tuple[int, PoseAnnotations]]:
    """The added people, each with the index of a frame, who are not in the same place as another person."""
    ends = np.searchsorted(sequence.frame_indices, np.arange(len(sequence) + 1))
    return [
        (place, person)
        for place, person in added
        if not _is_duplicate(person, sequence.people.joints[ends[place] : ends[place + 1]])
    ]


def _is_duplicate(person: PoseAnnotations, others: Float64Array) -> bool:
    """Whether the median distance of the person's joints to those of one of the (N, K, 2) others is small."""
    distances = np.hypot(*np.moveaxis(others - person.joints, -1, 0))  # (N, K)
    distances = distances[~np.isnan(distances).all(axis=1)]
    limit = _DUPLICATE_DISTANCE * body_sizes(person.joints)
    return len(distances) > 0 and bool((np.nanmedian(distances, axis=1) < limit).any())


def _insert(sequence: PoseSequence, added: list[tuple[int, PoseAnnotations]]) -> PoseSequence:
    """The sequence with the added people after the others of their frames."""
    people = PoseAnnotations.concatenate([sequence.people, *(person for _, person in added)])
    frame_indices = np.concatenate([sequence.frame_indices, np.array([place for place, _ in added], np.int64)])
    order = np.argsort(frame_indices, kind="stable")
    return replace(sequence, people=people[order], frame_indices=frame_indices[order])
