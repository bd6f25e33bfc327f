"""What tells that a tracked person and a new pose are the same: five cues, each 0 to 1, NaN where it tells nothing.

Each cue is given the pairs in question, track `rows[i]` beside pose `cols[i]`, so that in a crowd only those near each
other are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pose_track.geometry.boxes import box_areas
from pose_track.geometry.oks import oks_of_pairs
from pose_track.structures.frames import FloatArray, IntArray, Poses
from pose_track.tracking.appearance import MIN_JOINT_SCORE, appearance_similarity
from pose_track.tracking.tracks import Tracks

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scene:
    """Tracks and the poses of a new frame. widening: of the skeleton's sigmas, see `Similarity`."""

    tracks: Tracks
    poses: Poses
    seconds: float
    sigma_scale: float

    @cached_property
    def areas(self) -> Floats:
        """(N,) square pixels of the poses' boxes."""
        return box_areas(self.poses.boxes)

    @cached_property
    def moves(self) -> FloatArray:
        """(T, 2) how far the tracks' people should have gone since seen last, pixels."""
        return self.tracks.expected_move(self.seconds)

    def oks(self, joints: FloatArray, scores: FloatArray, rows: IntArray, cols: IntArray) -> Floats:
        """(P, ...) OKS of the tracks' `joints`, (T, ..., K, 2) with scores (T, ..., K), and the poses."""
        extra = (1,) * (joints.ndim - 3)
        k = self.poses.skeleton.num_joints
        areas = np.maximum(self.tracks.areas[rows], self.areas[cols])
        return oks_of_pairs(
            joints[rows],
            scores[rows],
            self.poses.joints[cols].reshape(-1, *extra, k, 2),
            self.poses.joint_scores[cols].reshape(-1, *extra, k),
            areas.reshape(-1, *extra),
            self.sigma_scale * self.poses.skeleton.sigmas,
            MIN_JOINT_SCORE,
        )


Cue = Callable[[Scene, IntArray, IntArray], Floats]


def oks_cue(scene: Scene, rows: IntArray, cols: IntArray) -> Floats:
    """OKS of the new pose and the last one seen, where it was."""
    return scene.oks(scene.tracks.joints, scene.tracks.joint_scores, rows, cols)


def flow_cue(scene: Scene, rows: IntArray, cols: IntArray) -> Floats:
    """The highest OKS of the new pose and those of the last frames, each carried here by the optical flow
    (S_Multi-flow of Xiao et al., "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018, section 3.3)."""
    each = scene.oks(scene.tracks.warped, scene.tracks.warped_scores, rows, cols)  # (P, L)
    return np.asarray(np.fmax.reduce(each, axis=1))


def motion_cue(scene: Scene, rows: IntArray, cols: IntArray) -> Floats:
    """OKS of the new pose and the last one seen, moved to where the person should be by now."""
    tracks = scene.tracks
    return scene.oks(tracks.joints + scene.moves[:, None], tracks.joint_scores, rows, cols)


def iou_cue(scene: Scene, rows: IntArray, cols: IntArray) -> Floats:
    """Overlap of the boxes."""
    a, b = scene.tracks.boxes[rows], scene.poses.boxes[cols]
    corners = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    common = box_areas(np.concatenate(corners, axis=1))
    union = box_areas(a) + box_areas(b) - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def appearance_cue(scene: Scene, rows: IntArray, cols: IntArray) -> Floats:
    """How alike they look, by the network's features at the joints; NaN where a pose has none."""
    if scene.poses.features is None:
        return np.full(len(rows), np.nan)
    appearance, poses = scene.tracks.appearance, scene.poses
    found = appearance_similarity(appearance.features, appearance.scores, scene.poses.features, poses.joint_scores)
    return found[rows, cols].astype(np.float64)


CUES: dict[str, Cue] = {
    "oks": oks_cue,
    "flow": flow_cue,
    "motion": motion_cue,
    "iou": iou_cue,
    "appearance": appearance_cue,
}
