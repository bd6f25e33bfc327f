"""The gate: which pairs of a track and a pose are possible at all. No similarity outvotes it.

The sum of several cues hides one that says "impossible": a stranger in like clothes at the other end of the street has
a fair mean. The limits are measured on the composed clips of `benchmark identity` (docs/tracking.md): each refuses at
most 3 in 1000 right pairs.
"""

from __future__ import annotations

import numpy as np

from pose_track.structures.arrays import BoolArray, Float64Array, IntArray
from pose_track.tracking.cues import CueContext, appearance_cue
from pose_track.tracking.motion import POSITION_NOISE
from pose_track.tracking.tracks import displacements, mean_displacement

_MAX_DEVIATIONS = 3.0  # of a pose from where the Kalman filter predicts it, in standard deviations
_MAX_FLOW_DISTANCE = 0.15  # body sizes, at which the optical flow agrees, however surprising the motion is
_MIN_FLOW_JOINTS = 3
_MAX_GROWTH = 0.45  # of the logarithm of the body size between two frames, either way
_GROWTH_PER_SECOND = 0.5
_MIN_APPEARANCE = 0.5


def is_possible(context: CueContext, rows: IntArray, cols: IntArray) -> BoolArray:
    """(P,) whether a pose could be that of the track's person: by place, size and appearance.

    A pose is out of place if it lies further from the predicted position than the Kalman filter's uncertainty explains,
    and not where the optical flow carries the track's joints.
    """
    is_in_place = (_deviations(context, rows, cols) <= _MAX_DEVIATIONS) | _flow_agrees(context, rows, cols)
    is_unlike = appearance_cue(context, rows, cols) < _MIN_APPEARANCE  # not where it is unknown
    return np.asarray(is_in_place & _is_of_size(context, rows, cols) & ~is_unlike)


def _deviations(context: CueContext, rows: IntArray, cols: IntArray) -> Float64Array:
    """(P,) distance from the predicted position, in standard deviations of the prediction and the measurement."""
    tracks = context.tracks
    variance = tracks.motion.predict(context.seconds).covariance[:, 0] + POSITION_NOISE
    surprise = displacements(tracks, context.poses, rows, cols) - context.displacements[rows]
    return np.asarray(np.linalg.norm(surprise, axis=1) / np.sqrt(np.maximum(tracks.areas, 1) * variance)[rows])


def _flow_agrees(context: CueContext, rows: IntArray, cols: IntArray) -> BoolArray:
    """(P,) whether the joints lie about where the flow carries those of the track's last pose."""
    tracks, poses = context.tracks, context.poses
    offsets, number = mean_displacement(
        tracks.warped[rows, 0], tracks.warped_scores[rows, 0], poses.joints[cols], poses.joint_scores[cols]
    )
    distances = np.linalg.norm(offsets, axis=1) / np.sqrt(np.maximum(tracks.areas[rows], 1))
    return np.asarray((number >= _MIN_FLOW_JOINTS) & (distances < _MAX_FLOW_DISTANCE))


def _is_of_size(context: CueContext, rows: IntArray, cols: IntArray) -> BoolArray:
    """(P,) whether the body size could have changed so much in the time since last seen."""
    ratios = np.maximum(context.areas, 1)[cols] / np.maximum(context.tracks.areas, 1)[rows]
    limits = _MAX_GROWTH + _GROWTH_PER_SECOND * (context.seconds - context.tracks.motion.seconds)[rows]
    return np.asarray(np.abs(np.log(ratios)) / 2 <= limits)
