"""Stitching broken tracks: where one track ends and another starts soon after with the same motion, they are one.

Both ends are extrapolated to the middle of the gap, each with its own velocity. The distance of the joints there, in
body sizes, must be below a limit that grows with the gap, and the bodies must be of similar size. Of all possible
pairs, the one-to-one assignment with the best total is taken, so chains of tracks are stitched. A pair with a close
rival is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from pose_track.postprocessing.tracks import median_body_size, track_rows
from pose_track.structures.arrays import BoolArray, Float64Array, IntArray
from pose_track.structures.sequence import PoseSequence

_END_SECONDS = 0.4  # the part of a track from which its end is estimated
_MAX_SIZE_RATIO = 1.4
_MIN_COMMON_JOINTS = 3
_RIVAL_MARGIN = 0.3  # by how much, in units of the limit, a rival's cost must be higher


@dataclass(frozen=True)
class StitchLimits:
    """How far two track ends may be apart.

    max_seconds: longest gap; 0 stitches nothing.
    max_distance: largest distance of the two ends, in body sizes.
    max_drift: how much the largest distance grows for each second of the gap, in body sizes.
    """

    max_seconds: float
    max_distance: float
    max_drift: float


@dataclass(frozen=True, eq=False)
class _TrackEnd:
    """The start or the end of a track.

    seconds: its time.
    pose: (K, 2) joints at that time, x y in pixels.
    velocity: (2,) of the body, pixels a second.
    size: of the body, pixels.
    """

    seconds: float
    pose: Float64Array
    velocity: Float64Array
    size: float


def stitch_tracks(sequence: PoseSequence, times: Float64Array, limits: StitchLimits) -> PoseSequence:
    """The same people; stitched tracks all get the id of the one that starts first.

    times: (F,) seconds of the frames, increasing. Stitching the result again changes nothing.
    """
    while pairs := _matching_pairs(sequence, times, limits):
        # Pairs come by the start of the later track, so the final id of the earlier one is already known.
        ids = sequence.people.track_ids.copy()
        new_ids: dict[int, int] = {}
        for earlier, later in pairs:
            new_ids[later] = new_ids.get(earlier, earlier)
            ids[sequence.people.track_ids == later] = new_ids[later]
        sequence = replace(sequence, people=replace(sequence.people, track_ids=ids))
    return sequence


def _matching_pairs(sequence: PoseSequence, times: Float64Array, limits: StitchLimits) -> list[tuple[int, int]]:
    """Ids (earlier, later) of the tracks to stitch, by the start of the later one."""
    rows_by_track = track_rows(sequence)
    ids = list(rows_by_track)
    ends = [_track_ends(sequence, rows, times) for rows in rows_by_track.values()]
    costs = _costs(ends, limits)
    rows, cols = linear_sum_assignment(np.maximum(1 - costs, 0), maximize=True)
    intervals = np.array([(start.seconds, end.seconds) for start, end in ends]).reshape(-1, 2)
    overlap = (intervals[:, None, 0] <= intervals[None, :, 1]) & (intervals[None, :, 0] <= intervals[:, None, 1])
    pairs = [
        (a, b) for a, b in zip(rows, cols, strict=True) if costs[a, b] < 1 and not _has_rival(costs, overlap, a, b)
    ]
    return [(ids[a], ids[b]) for a, b in sorted(pairs, key=lambda pair: float(intervals[pair[1], 0]))]


def _has_rival(costs: Float64Array, overlap: BoolArray, a: int, b: int) -> bool:
    """Whether a track that overlaps b continues a nearly as well as b does, or one that overlaps a precedes b so."""
    limit = min(costs[a, b] + _RIVAL_MARGIN, 1)
    others = np.arange(len(costs))
    later = (costs[a] < limit) & overlap[b] & (others != b)
    earlier = (costs[:, b] < limit) & overlap[a] & (others != a)
    return bool(later.any() or earlier.any())


def _costs(ends: Sequence[tuple[_TrackEnd, _TrackEnd]], limits: StitchLimits) -> Float64Array:
    """(T, T) distance of the end of track a and the start of track b, in units of the limit; infinite if impossible."""
    costs = np.full((len(ends), len(ends)), np.inf)
    starts = np.array([start.seconds for start, _ in ends])
    for a, (_, end) in enumerate(ends):
        candidates = (starts > end.seconds) & (starts <= end.seconds + limits.max_seconds)
        for b in np.flatnonzero(candidates).tolist():
            limit = limits.max_distance + limits.max_drift * (starts[b] - end.seconds)
            costs[a, b] = _distance(end, ends[b][0]) / limit
    return costs


def _distance(end: _TrackEnd, start: _TrackEnd) -> float:
    """Median joint distance of the two ends in the middle of the gap, in body sizes."""
    if max(end.size, start.size) > _MAX_SIZE_RATIO * min(end.size, start.size):
        return np.inf
    gap = start.seconds - end.seconds
    distances = np.hypot(*(end.pose + end.velocity * gap / 2 - start.pose + start.velocity * gap / 2).T)
    distances = distances[~np.isnan(distances)]
    if len(distances) < min(_MIN_COMMON_JOINTS, len(end.pose)):
        return np.inf
    return 2 * float(np.median(distances)) / (end.size + start.size)


def _track_ends(sequence: PoseSequence, rows: IntArray, times: Float64Array) -> tuple[_TrackEnd, _TrackEnd]:
    """The start and the end of the track with these rows."""
    seconds = times[sequence.frame_indices[rows]]
    first, last = seconds <= seconds[0] + _END_SECONDS, seconds >= seconds[-1] - _END_SECONDS
    joints = sequence.people.joints[rows]
    return _track_end(joints[first], seconds[first], seconds[0]), _track_end(joints[last], seconds[last], seconds[-1])


def _track_end(joints: Float64Array, seconds: Float64Array, end_seconds: float) -> _TrackEnd:
    """The track end at `end_seconds` from nearby (n, K, 2) joints: each joint is the median of its extrapolations."""
    velocity = body_velocity(joints, seconds)
    extrapolated = joints + velocity * (end_seconds - seconds)[:, None, None]
    pose = np.full(extrapolated.shape[1:], np.nan)
    visible = ~np.isnan(extrapolated[..., 0]).all(axis=0)
    pose[visible] = np.nanmedian(extrapolated[:, visible], axis=0)
    return _TrackEnd(float(end_seconds), pose, velocity, median_body_size(joints))


def body_velocity(joints: Float64Array, seconds: Float64Array) -> Float64Array:
    """(2,) velocity of a body, x y in pixels a second; 0 if no pair of frames counts.

    It is the median, over all joints and pairs of frames, of a joint's displacement divided by the time between the
    frames: the slope of Theil and Sen (Sen, JASA 63, 1968) for all joints together. Pairs of frames less than half
    the whole time apart do not count, since jitter dominates them.

    joints: (n, K, 2) x y in pixels, NaN if absent.
    seconds: (n,) increasing.

    >>> body_velocity(np.array([[[0.0, 0.0]], [[1.0, 2.0]], [[9.0, 4.0]], [[3.0, 6.0]]]), np.arange(4.0)).tolist()
    [1.0, 2.0]
    """
    i, j = np.triu_indices(len(seconds), 1)
    far = seconds[j] - seconds[i] >= (seconds[-1] - seconds[0]) / 2
    i, j = i[far], j[far]
    slopes = ((joints[j] - joints[i]) / (seconds[j] - seconds[i])[:, None, None]).reshape(-1, 2)
    slopes = slopes[~np.isnan(slopes[:, 0])]
    return np.median(slopes, axis=0) if len(slopes) else np.zeros(2)
