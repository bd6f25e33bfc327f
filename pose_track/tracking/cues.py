"""Similarity cues: five measures of how likely a track and a new pose are the same person.

Each cue is in [0, 1], and NaN where it is unknown. A cue is computed only for given pairs, track `rows[i]` and pose
`cols[i]`, so that in a crowd only people near each other are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pose_track.geometry.boxes import box_areas
from pose_track.geometry.oks import oks_of_pairs
from pose_track.structures.arrays import Float32Array, Float64Array, IntArray
from pose_track.structures.frames import Poses
from pose_track.tracking.appearance import MIN_JOINT_SCORE, appearance_similarity
from pose_track.tracking.tracks import Tracks


@dataclass(frozen=True, eq=False)
class CueContext:
    """The T tracks and the N poses of a new frame that are compared.

    seconds: the time of the poses.
    sigma_scale: factor on the skeleton's OKS sigmas, see `Similarity`.
    """

    tracks: Tracks
    poses: Poses
    seconds: float
    sigma_scale: float

    @cached_property
    def areas(self) -> Float64Array:
        """(N,) areas of the poses' boxes, square pixels."""
        return box_areas(self.poses.boxes)

    @cached_property
    def displacements(self) -> Float32Array:
        """(T, 2) predicted displacement of each track since last seen, x y in pixels."""
        return self.tracks.predicted_displacement(self.seconds)

    @cached_property
    def appearance(self) -> Float32Array | None:
        """(T, N) appearance similarity; None for poses without features."""
        tracks, poses = self.tracks.appearance, self.poses
        if poses.features is None:
            return None
        return appearance_similarity(tracks.features, tracks.scores, poses.features, poses.joint_scores)

    def oks(self, joints: Float32Array, scores: Float32Array, rows: IntArray, cols: IntArray) -> Float64Array:
        """(P, ...) OKS of the tracks' `joints`, (T, ..., K, 2) with scores (T, ..., K), and the poses."""
        extra_axes = (1,) * (joints.ndim - 3)
        body = self.poses.skeleton.body_joints
        areas = np.maximum(self.tracks.areas[rows], self.areas[cols])
        return oks_of_pairs(
            joints[rows].take(body, axis=-2),
            scores[rows].take(body, axis=-1),
            self.poses.joints[cols][:, body].reshape(-1, *extra_axes, len(body), 2),
            self.poses.joint_scores[cols][:, body].reshape(-1, *extra_axes, len(body)),
            areas.reshape(-1, *extra_axes),
            self.sigma_scale * self.poses.skeleton.sigmas[body],
            MIN_JOINT_SCORE,
        )


Cue = Callable[[CueContext, IntArray, IntArray], Float64Array]


def oks_cue(context: CueContext, rows: IntArray, cols: IntArray) -> Float64Array:
    """OKS of the new pose and the track's last pose."""
    return context.oks(context.tracks.joints, context.tracks.joint_scores, rows, cols)


def flow_cue(context: CueContext, rows: IntArray, cols: IntArray) -> Float64Array:
    """The highest OKS of the new pose and the track's poses of the last frames, warped by the optical flow.

    It is S_Multi-flow of Xiao et al., "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018, section
    3.3.
    """
    oks = context.oks(context.tracks.warped, context.tracks.warped_scores, rows, cols)  # (P, L)
    return np.asarray(np.fmax.reduce(oks, axis=1))


def motion_cue(context: CueContext, rows: IntArray, cols: IntArray) -> Float64Array:
    """OKS of the new pose and the track's last pose, moved to where the Kalman filter predicts it."""
    tracks = context.tracks
    return context.oks(tracks.joints + context.displacements[:, None], tracks.joint_scores, rows, cols)


def iou_cue(context: CueContext, rows: IntArray, cols: IntArray) -> Float64Array:
    """Intersection over union of the boxes."""
    a, b = context.tracks.boxes[rows], context.poses.boxes[cols]
    corners = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    intersection = box_areas(np.concatenate(corners, axis=1))
    union = box_areas(a) + box_areas(b) - intersection
    return np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)


def appearance_cue(context: CueContext, rows: IntArray, cols: IntArray) -> Float64Array:
    """Appearance similarity; NaN for a pose without features."""
    if context.appearance is None:
        return np.full(len(rows), np.nan)
    return context.appearance[rows, cols].astype(np.float64)


CUES: dict[str, Cue] = {
    "oks": oks_cue,
    "flow": flow_cue,
    "motion": motion_cue,
    "iou": iou_cue,
    "appearance": appearance_cue,
}
