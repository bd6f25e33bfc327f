"""Smoothing the trajectories of joints without flattening fast motion.

A low-pass filter flattens fast motion as well as jitter. So no joint is moved further than a multiple of the jitter
of its own trajectory, which high-order differences separate from motion. Only outliers, which jump away from their
neighbours and have low scores, are moved without a limit.
"""

from __future__ import annotations

from dataclasses import replace
from math import comb

import numpy as np
from scipy.ndimage import median_filter

from pose_track.postprocessing.filters import TrajectoryFilter
from pose_track.postprocessing.tracks import median_body_size, track_rows
from pose_track.structures.arrays import BoolArray, Float64Array, IntArray
from pose_track.structures.sequence import PoseSequence

# In units of the trajectory's jitter.
_MAX_MOVE = 1.5
_OUTLIER_DISTANCE = 4.0

_MAX_STEP = 1.75  # in units of the median time between frames; a longer step splits a trajectory
_ORDER = 5  # of the differences: what they leave of motion at 25 frames a second is small beside jitter


def smooth_tracks(sequence: PoseSequence, times: Float64Array, smooth: TrajectoryFilter) -> PoseSequence:
    """The same people with smoothed joint positions; nothing else changes.

    A trajectory is a joint's positions in consecutive frames; one of six or fewer stays as it is.

    times: (F,) seconds of the frames, increasing.
    smooth: a filter of trajectories, in body sizes and seconds.
    """
    people = sequence.people
    joints = people.joints.copy()
    median_step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    for rows in track_rows(sequence).values():
        size = median_body_size(people.joints[rows])
        for k in range(joints.shape[1]):
            rows_with_joint = rows[people.has_joint[rows, k]]
            for part in _trajectories(rows_with_joint, sequence.frame_indices, times, median_step):
                seconds = times[sequence.frame_indices[part]]
                scores = people.joint_scores[part, k]
                joints[part, k] = size * _smoothed(joints[part, k] / size, scores, seconds, smooth)
    return replace(sequence, people=replace(people, joints=joints))


def _trajectories(rows: IntArray, frame_indices: IntArray, times: Float64Array, median_step: float) -> list[IntArray]:
    """A track's rows split at missing frames and long steps in time; only parts long enough to measure jitter."""
    places = frame_indices[rows]
    breaks = (np.diff(places) > 1) | (np.diff(times[places]) > _MAX_STEP * median_step)
    return [part for part in np.split(rows, np.flatnonzero(breaks) + 1) if len(part) > _ORDER + 1]


def _smoothed(
    positions: Float64Array, scores: Float64Array, seconds: Float64Array, smooth: TrajectoryFilter
) -> Float64Array:
    """(T, 2) -> (T, 2)"""
    noise = jitter(positions)
    outliers = _outliers(positions, scores, noise)
    clean = positions.copy()
    for axis in (0, 1):
        clean[outliers, axis] = np.interp(seconds[outliers], seconds[~outliers], positions[~outliers, axis])
    move = smooth(clean, seconds) - positions
    length = np.hypot(*move.T)
    share = np.minimum(1, np.divide(_MAX_MOVE * noise, length, out=np.ones_like(length), where=length > 0))
    return positions + move * np.where(outliers, 1, share)[:, None]


def jitter(positions: Float64Array) -> float:
    """The standard deviation, along an axis, of the independent noise in each of (T, 2) positions, T > 5.

    It is estimated from the median of their fifth differences, which are 0 for polynomial motion of degree 4.

    >>> jitter(np.arange(20.0).reshape(10, 2) ** 2)
    0.0
    """
    differences = np.abs(np.diff(positions, _ORDER, axis=0))
    per_axis = np.median(differences, axis=0) / 0.6745 / comb(2 * _ORDER, _ORDER) ** 0.5
    return float(np.sqrt((per_axis**2).mean()))


def _outliers(positions: Float64Array, scores: Float64Array, noise: float) -> BoolArray:
    """(T,) positions far from the median of the five around them (Hampel identifier) whose score is below the median.

    Without scores there are none.
    """
    far = np.hypot(*(positions - median_filter(positions, (5, 1), mode="nearest")).T) > _OUTLIER_DISTANCE * noise
    known = scores[~np.isnan(scores)]
    return np.asarray(far & (scores < np.median(known))) if len(known) else np.zeros(len(positions), bool)
