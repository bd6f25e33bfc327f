"""Poses carried on by the optical flow: of people whom it follows surely, so that they need not be estimated again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pose_track.geometry.boxes import iou_matrix
from pose_track.structures.arrays import BoolArray, Float64Array, IntArray
from pose_track.structures.frames import Detections, Poses
from pose_track.structures.skeleton import Skeleton
from pose_track.tracking.appearance import MIN_JOINT_SCORE
from pose_track.tracking.tracks import Tracks, mean_displacement

_MIN_JOINTS = 3


@dataclass(frozen=True)
class Carrying:
    """Which poses are carried on, by comparison of the tracks with the boxes that were detected in this frame.

    min_confidence: lowest confidence of the flow, the mean over the joints that were seen, weighted by their scores.
    min_iou: lowest IoU of the detected box and the track's, moved by the mean flow of its joints.
    max_other_iou: highest IoU of either box with those of others. Where people overlap, the flow takes joints of one to
        another.
    min_score: lowest person score of the last estimated pose.
    min_detections: detections that a track has at least.
    """

    min_confidence: float = 0.8
    min_iou: float = 0.7
    max_other_iou: float = 0.3
    min_score: float = 0.5
    min_detections: int = 2

    def __call__(self, tracks: Tracks, detected: Detections, skeleton: Skeleton) -> tuple[Poses, BoolArray]:
        """The carried poses, and the (N,) detected boxes in which poses are to be estimated.

        tracks: warped into this frame, see `warp_tracks`.
        """
        iou = iou_matrix(_moved_boxes(tracks), detected.boxes)
        iou[~tracks.warped_scores[:, 0].any(axis=1)] = 0  # a person missed in the last frame hides nobody
        rows, cols = self._pairs(iou)
        is_sure = self._is_followed(tracks)[rows]
        rows, cols = rows[is_sure], cols[is_sure]
        is_needed = np.ones(len(detected), bool)
        is_needed[cols] = False
        return _poses(tracks[rows], detected[cols], skeleton), is_needed

    def _pairs(self, iou: Float64Array) -> tuple[IntArray, IntArray]:
        """Tracks and boxes that belong together and to nobody else, from their (T, N) IoU."""
        is_other = iou > self.max_other_iou
        is_only = (is_other.sum(axis=1, keepdims=True) == 1) & (is_other.sum(axis=0) == 1)
        rows, cols = np.nonzero(is_only & (iou >= self.min_iou))
        return rows, cols

    def _is_followed(self, tracks: Tracks) -> BoolArray:
        is_known = (tracks.scores >= self.min_score) & (tracks.num_detections >= self.min_detections)
        return np.asarray(is_known & (_confidence(tracks) >= self.min_confidence))


def _moved_boxes(tracks: Tracks) -> Float64Array:
    """(T, 4) the boxes of the last poses, moved by the mean flow of their joints."""
    scores = tracks.joint_scores
    offsets, _ = mean_displacement(tracks.joints, scores, tracks.warped[:, 0], tracks.warped_scores[:, 0])
    return np.asarray(tracks.boxes + np.tile(offsets, 2), np.float64)


def _confidence(tracks: Tracks) -> Float64Array:
    """(T,) the mean confidence of the flow at the joints that were seen; 0 with fewer than three of them."""
    is_seen = tracks.joint_scores > MIN_JOINT_SCORE
    before = np.where(is_seen, tracks.joint_scores, 0).sum(axis=1, dtype=np.float64)
    after = np.where(is_seen, tracks.warped_scores[:, 0], 0).sum(axis=1, dtype=np.float64)
    is_known = is_seen.sum(axis=1) >= _MIN_JOINTS
    return np.asarray(np.divide(after, before, out=np.zeros(len(tracks)), where=is_known))


def _poses(tracks: Tracks, detected: Detections, skeleton: Skeleton) -> Poses:
    """The warped poses in the detected boxes, with the appearance of their tracks."""
    joints, scores, features = tracks.warped[:, 0], tracks.warped_scores[:, 0], tracks.appearance.features
    return Poses(
        joints,
        scores,
        detected.boxes,
        tracks.scores,
        skeleton,
        detected.sources,
        features if features.shape[2] else None,
    )
