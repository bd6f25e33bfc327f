"""Propagation: warp poses into the next frame by optical flow, and propose boxes there for people not detected."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from pose_track.geometry.boxes import joints_to_boxes
from pose_track.structures.arrays import BoolArray, Float32Array, ImageArray
from pose_track.structures.frames import Detections, Poses
from pose_track.tracking.appearance import MIN_JOINT_SCORE
from pose_track.tracking.tracks import Tracks

# Measured at 35 cuts between similar scenes: the confidence is at most 0.47, and at most 0.26 where the change is below
# 0.3; one of them changes less than 0.05 of the image. Within shots, of images up to five apart, it is at least 0.47
# where the change is 0.1 and more. A dancer and people in the dark reach 0, at a change of at most 0.02.
_MAX_LOST_CONFIDENCE = 0.48
_CONFIDENCE_PER_CHANGE = 3.0
_MIN_CHANGE = 0.02
_MIN_JOINTS = 3


class PointWarp(Protocol):
    """Warps points from the last image into this one.

    is_cut: the shot has changed between them.
    change: how much of the image has moved or changed, from 0; the background, mostly.
    """

    @property
    def is_cut(self) -> bool: ...
    @property
    def change(self) -> float: ...

    def warp(self, points: Float32Array) -> tuple[Float32Array, Float32Array]:
        """(P, 2) points of the last image in this one, and the (P,) confidence of each in [0, 1]."""


@dataclass(frozen=True, eq=False)
class FlowState:
    """What an optical flow keeps of the last image.

    size: width and height of the frame in pixels.
    image: the frame at the size and in the colours of the method; (h, w) or (h, w, 3) uint8.
    thumbnails: (n, h, w) uint8, of the last images in which transitions are looked for.
    """

    size: tuple[int, int]
    image: ImageArray
    thumbnails: ImageArray


class FlowEstimator(Protocol):
    """Optical flow from image to image, such as `flow.optical_flow.OpticalFlow`.

    state: of the last image, None before the first; restore: go on after an image with this state.
    """

    def advance(self, image: ImageArray) -> PointWarp: ...
    def state(self) -> FlowState | None: ...
    def restore(self, state: FlowState | None) -> None: ...


def warp_tracks(tracks: Tracks, flow: PointWarp) -> Tracks:
    """The tracks with their warped poses moved one frame on; joint scores are multiplied by the flow's confidence."""
    is_known = tracks.warped_scores > 0
    warped, scores = tracks.warped.copy(), tracks.warped_scores.copy()
    warped[is_known], confidence = flow.warp(warped[is_known])
    scores[is_known] *= confidence
    return replace(tracks, warped=warped, warped_scores=scores)


def is_everybody_replaced(before: Tracks, warped: Tracks, change: float) -> bool:
    """Whether the image changes and the flow finds hardly anybody again: a cut to a similar scene, with other people.

    The flow also loses people who move fast, but then the image around them stays; and where the camera moves fast, the
    people move with it.

    before, warped: the tracks, and those that `warp_tracks` made of them.
    change: of the image, see `PointWarp`.
    """
    is_seen = before.warped_scores[:, 0] > MIN_JOINT_SCORE
    people = is_seen.sum(axis=1) >= _MIN_JOINTS
    if not people.any():
        return False
    confidence = np.divide(
        warped.warped_scores[:, 0], before.warped_scores[:, 0], where=is_seen, out=np.zeros(is_seen.shape)
    )
    of_people = confidence[people].sum(axis=1) / is_seen[people].sum(axis=1)
    return bool(of_people.mean() < min(_MAX_LOST_CONFIDENCE, _CONFIDENCE_PER_CHANGE * (change - _MIN_CHANGE)))


@dataclass(frozen=True)
class Propagation:
    """How long people are followed by optical flow alone.

    max_frames: at most this many frames in a row; 0 turns propagation off.
    min_detections: only tracks with at least this many detections are followed so long.
    min_score: lowest mean joint score of a pose in a proposed box; with a lower one the person counts as missed.
    tentative_frames: limit in place of `max_frames` for tracks with fewer detections, until the detector runs again.
    """

    max_frames: int = 0
    min_detections: int = 2
    min_score: float = 0.3
    tentative_frames: int = 0

    def boxes(self, tracks: Tracks) -> Detections:
        """Proposed boxes: the extent of the joints that were seen in the last frame and warped here, 15 % larger.

        Their score is that of the person's last detected pose.
        """
        if not self.max_frames:
            return Detections.empty()
        joints, scores = tracks.warped[:, 0], tracks.warped_scores[:, 0]
        has_joints = (scores > MIN_JOINT_SCORE).sum(axis=1) > 1
        tentative_limit = min(self.tentative_frames, self.max_frames)
        limits = np.where(tracks.num_detections >= self.min_detections, self.max_frames, tentative_limit)
        keep = has_joints & (tracks.num_flow_frames < limits)
        boxes = joints_to_boxes(joints[keep], scores[keep], MIN_JOINT_SCORE)
        return Detections(boxes, tracks.scores[keep], np.full(len(boxes), "flow"))  # type: ignore[arg-type]

    def accepts(self, poses: Poses) -> BoolArray:
        """(N,) all poses except those in proposed boxes with a low mean joint score."""
        return np.asarray((poses.sources != "flow") | (poses.joint_scores.mean(axis=1) >= self.min_score))
