"""Joining tracks that broke: where one ends and another soon begins with the same motion, they are one person's.

The two ends are carried on to the middle of the gap, each with its own velocity. How far the joints then are apart,
in body sizes, must be below a limit that grows with the gap; and the bodies must be of a size. Of all possible joins
the one-to-one set with the best sum is taken, so that chains of pieces join; what has a near rival is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pose_track.postprocessing.tracks import track_rows, usual_size
from pose_track.structures.sequence import FloatArray, IntArray, PoseSequence

# what an end is judged by, in seconds, and how much bodies may differ in size
_END_SECONDS = 0.4
_MAX_SIZE_RATIO = 1.4
# joints that two ends must have in common
_MIN_JOINTS = 3
# how much worse, in units of the limit, a rival must fit
_MARGIN = 0.3


@dataclass(frozen=True)
class JoinLimits:
    """What two ends may differ by. max_seconds: how long a person may have been unseen, 0 for no joins at all;
    max_distance: how far the ends may be apart, in body sizes; max_drift: how much further for each second."""

    max_seconds: float
    max_distance: float
    max_drift: float


@dataclass(frozen=True, eq=False)
class _End:
    """One end of a track. seconds: its time; pose: (K, 2), the joints then; velocity: (2,) body's, pixels a second;
    size: of the body, pixels."""

    seconds: float
    pose: FloatArray
    velocity: FloatArray
    size: float


def join_tracks(sequence: PoseSequence, times: FloatArray, limits: JoinLimits) -> PoseSequence:
    """The same people, where those of joined tracks all have the id of the one that began first.

    times: (F,) seconds of the frames, rising. Repeating it changes nothing more.
    """
    while pairs := _pairs(sequence, times, limits):
        # by the time of the later one, so that the id of a chain's first is known when the next is joined to it
        ids = sequence.people.track_ids.copy()
        renamed: dict[int, int] = {}
        for earlier, later in pairs:
            renamed[later] = renamed.get(earlier, earlier)
            ids[sequence.people.track_ids == later] = renamed[later]
        sequence = replace(sequence, people=replace(sequence.people, track_ids=ids))
    return sequence


def _pairs(sequence: PoseSequence, times: FloatArray, limits: JoinLimits) -> list[tuple[int, int]]:
    """Ids (earlier, later) to join, by the beginning of the later one."""
    rows_of = track_rows(sequence)
    ids = list(rows_of)
    ends = [_track_ends(sequence, rows, times) for rows in rows_of.values()]
    misfit = _misfits(ends, limits)
    rows, cols = linear_sum_assignment(np.maximum(1 - misfit, 0), maximize=True)
    spans = np.array([(first.seconds, last.seconds) for first, last in ends]).reshape(-1, 2)
    overlap = (spans[:, None, 0] <= spans[None, :, 1]) & (spans[None, :, 0] <= spans[:, None, 1])
    fits = [
        (a, b) for a, b in zip(rows, cols, strict=True) if misfit[a, b] < 1 and not _has_rival(misfit, overlap, a, b)
    ]
    return [(ids[a], ids[b]) for a, b in sorted(fits, key=lambda pair: float(spans[pair[1], 0]))]


def _has_rival(misfit: FloatArray, overlap: NDArray[np.bool_], a: int, b: int) -> bool:
    """Whether something that cannot be the same person as b fits a nearly as well, or the other way round."""
    near = min(misfit[a, b] + _MARGIN, 1)
    others = np.arange(len(misfit))
    later = (misfit[a] < near) & overlap[b] & (others != b)
    earlier = (misfit[:, b] < near) & overlap[a] & (others != a)
    return bool(later.any() or earlier.any())


def _misfits(ends: Sequence[tuple[_End, _End]], limits: JoinLimits) -> FloatArray:
    """(T, T) how badly track b goes on where track a ended, in units of the limit; infinite where it cannot."""
    misfit = np.full((len(ends), len(ends)), np.inf)
    starts = np.array([first.seconds for first, _ in ends])
    for a, (_, last) in enumerate(ends):
        soon = (starts > last.seconds) & (starts <= last.seconds + limits.max_seconds)
        for b in np.flatnonzero(soon).tolist():
            allowed = limits.max_distance + limits.max_drift * (starts[b] - last.seconds)
            misfit[a, b] = _distance(last, ends[b][0]) / allowed
    return misfit


def _distance(last: _End, first: _End) -> float:
    """How far apart the two ends are in the middle of the gap: the median over joints, in body sizes."""
    if max(last.size, first.size) > _MAX_SIZE_RATIO * min(last.size, first.size):
        return np.inf
    gap = first.seconds - last.seconds
    apart = np.hypot(*(last.pose + last.velocity * gap / 2 - first.pose + first.velocity * gap / 2).T)
    apart = apart[~np.isnan(apart)]
    enough = len(apart) >= min(_MIN_JOINTS, len(last.pose))
    return 2 * float(np.median(apart)) / (last.size + first.size) if enough else np.inf


def _track_ends(sequence: PoseSequence, rows: IntArray, times: FloatArray) -> tuple[_End, _End]:
    seconds = times[sequence.frame_of[rows]]
    first, last = seconds <= seconds[0] + _END_SECONDS, seconds >= seconds[-1] - _END_SECONDS
    joints = sequence.people.joints[rows]
    return _end(joints[first], seconds[first], seconds[0]), _end(joints[last], seconds[last], seconds[-1])


def _end(joints: FloatArray, seconds: FloatArray, at: float) -> _End:
    """joints: (n, K, 2) near the end; at: its time. Each joint is the median of where its positions lead."""
    velocity = body_velocity(joints, seconds)
    led = joints + velocity * (at - seconds)[:, None, None]
    pose = np.full(led.shape[1:], np.nan)
    seen = ~np.isnan(led[..., 0]).all(axis=0)
    pose[seen] = np.nanmedian(led[:, seen], axis=0)
    return _End(float(at), pose, velocity, usual_size(joints))


def body_velocity(joints: FloatArray, seconds: FloatArray) -> FloatArray:
    """(2,) pixels a second: the median, over joints and pairs of frames, of how fast a joint went from one to the
    other; 0 where there is no pair. joints: (n, K, 2); seconds: (n,), rising. Pairs less than half the span apart do
    not count: there jitter is most of it. As Theil's and Sen's slope (Sen, JASA 63, 1968), with all joints as one.

    >>> body_velocity(np.array([[[0.0, 0.0]], [[1.0, 2.0]], [[9.0, 4.0]], [[3.0, 6.0]]]), np.arange(4.0)).tolist()
    [1.0, 2.0]
    """
    i, j = np.triu_indices(len(seconds), 1)
    far = seconds[j] - seconds[i] >= (seconds[-1] - seconds[0]) / 2
    i, j = i[far], j[far]
    slopes = ((joints[j] - joints[i]) / (seconds[j] - seconds[i])[:, None, None]).reshape(-1, 2)
    slopes = slopes[~np.isnan(slopes[:, 0])]
    return np.median(slopes, axis=0) if len(slopes) else np.zeros(2)
