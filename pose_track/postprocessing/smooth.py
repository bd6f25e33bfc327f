"""Smoothing the paths of joints without moving those that were already right.

A filter flattens fast motion as well as jitter. So no joint is moved further than the jitter of its own path allows,
which differences of high order tell apart from motion; only outliers, which jump away and back and whose scores are
low, are moved as far as it takes.
"""

from __future__ import annotations

from dataclasses import replace
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from pose_track.postprocessing.filters import PathFilter
from pose_track.postprocessing.tracks import track_rows, usual_size
from pose_track.structures.sequence import FloatArray, IntArray, PoseSequence

# how far a joint may be moved, and how far an outlier is from its neighbours, in units of the path's jitter
_MAX_MOVE = 1.5
_OUTLIER = 4.0
# a longer step, in units of the usual one, ends a path
_LONGEST_STEP = 1.75
# differences this often taken: what is left of motion at 25 frames a second is small beside jitter
_ORDER = 5


def smooth_tracks(sequence: PoseSequence, times: FloatArray, smooth: PathFilter) -> PoseSequence:
    """The same people, the positions of whose joints are smoother; nothing else changes.

    times: (F,) seconds of the frames, rising; smooth: a filter of paths in body sizes and seconds. A path is a joint's
    positions in frames that follow each other; one of six or fewer stays as it is.
    """
    people = sequence.people
    joints = people.joints.copy()
    usual_step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    for rows in track_rows(sequence).values():
        size = usual_size(people.joints[rows])
        for k in range(joints.shape[1]):
            for path in _paths(rows[people.has_joint[rows, k]], sequence.frame_of, times, usual_step):
                seconds = times[sequence.frame_of[path]]
                joints[path, k] = size * _smoothed(
                    joints[path, k] / size, people.joint_scores[path, k], seconds, smooth
                )
    return replace(sequence, people=replace(people, joints=joints))


def _paths(rows: IntArray, frame_of: IntArray, times: FloatArray, usual_step: float) -> list[IntArray]:
    """Parts of a track's rows without a frame or a stretch of time missing, of those long enough to tell jitter."""
    places = frame_of[rows]
    breaks = (np.diff(places) > 1) | (np.diff(times[places]) > _LONGEST_STEP * usual_step)
    return [part for part in np.split(rows, np.flatnonzero(breaks) + 1) if len(part) > _ORDER + 1]


def _smoothed(path: FloatArray, scores: FloatArray, seconds: FloatArray, smooth: PathFilter) -> FloatArray:
    """(T, 2) -> (T, 2)"""
    noise = jitter(path)
    outliers = _outliers(path, scores, noise)
    clean = path.copy()
    for axis in (0, 1):
        clean[outliers, axis] = np.interp(seconds[outliers], seconds[~outliers], path[~outliers, axis])
    move = smooth(clean, seconds) - path
    length = np.hypot(*move.T)
    share = np.minimum(1, np.divide(_MAX_MOVE * noise, length, out=np.ones_like(length), where=length > 0))
    return path + move * np.where(outliers, 1, share)[:, None]


def jitter(path: FloatArray) -> float:
    """Standard deviation along an axis of what is added to each position of a (T, 2) path, T > 5, independently.

    From the median of its fifth differences, which are 0 for motion along polynomials of degree 4.

    >>> jitter(np.arange(20.0).reshape(10, 2) ** 2)
    0.0
    """
    differences = np.abs(np.diff(path, _ORDER, axis=0))
    per_axis = np.median(differences, axis=0) / 0.6745 / comb(2 * _ORDER, _ORDER) ** 0.5
    return float(np.sqrt((per_axis**2).mean()))


def _outliers(path: FloatArray, scores: FloatArray, noise: float) -> NDArray[np.bool_]:
    """(T,) which are far from the median of the five around them (Hampel's identifier) and less sure than most; none
    where scores are not told."""
    far = np.hypot(*(path - median_filter(path, (5, 1), mode="nearest")).T) > _OUTLIER * noise
    told = scores[~np.isnan(scores)]
    return np.asarray(far & (scores < np.median(told))) if len(told) else np.zeros(len(path), bool)
