"""Carry poses into the next frame along the optical flow, and look for people there whom the detector may miss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pose_track.geometry.boxes import joints_to_boxes
from pose_track.structures.frames import Detections, FloatArray, ImageArray, Poses
from pose_track.tracking.appearance import MIN_JOINT_SCORE
from pose_track.tracking.tracks import Tracks


class Step(Protocol):
    """From the last picture to this one. is_cut: they show different scenes."""

    @property
    def is_cut(self) -> bool: ...

    def move(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Where points (P, 2) of the last picture are in this one, and how far that is to be trusted, (P,) 0 to 1."""


class Flow(Protocol):
    """Optical flow from picture to picture, such as `flow.optical_flow.OpticalFlow`."""

    def reset(self) -> None: ...
    def advance(self, image: ImageArray) -> Step: ...


def warp(tracks: Tracks, step: Step) -> Tracks:
    """The carried poses one frame on; the less the flow is to be trusted, the lower the joint's score."""
    there = tracks.warped_scores > 0
    warped, scores = tracks.warped.copy(), tracks.warped_scores.copy()
    warped[there], trust = step.move(warped[there])
    scores[there] *= trust
    return replace(tracks, warped=warped, warped_scores=scores)


@dataclass(frozen=True)
class Propagation:
    """For how long people are followed by the flow alone.

    max_frames: at most so many in a row, 0 for not at all. min_seen: only people whom the detector found in so many
    frames; others for unsure_frames in a row, until it looks again. min_score: least mean joint score of a
    pose found in this way; with a worse one the person counts as lost.
    """

    max_frames: int = 0
    min_seen: int = 2
    min_score: float = 0.3
    unsure_frames: int = 0

    def boxes(self, tracks: Tracks) -> Detections:
        """Boxes about those who were seen in the last frame and `warp` brought here: the extent of their joints and
        15 % more. Their score is that of the last pose a detector found."""
        if not self.max_frames:
            return Detections.empty()
        joints, scores = tracks.warped[:, 0], tracks.warped_scores[:, 0]
        known = (scores > MIN_JOINT_SCORE).sum(axis=1) > 1
        limits = np.where(tracks.num_seen >= self.min_seen, self.max_frames, min(self.unsure_frames, self.max_frames))
        keep = known & (tracks.num_flow < limits)
        boxes = joints_to_boxes(joints[keep], scores[keep], MIN_JOINT_SCORE)
        return Detections(boxes, tracks.scores[keep], np.full(len(boxes), "flow"))  # type: ignore[arg-type]

    def accepts(self, poses: Poses) -> NDArray[np.bool_]:
        """(N,) all but the poses that were found in this way and are too unsure."""
        return np.asarray((poses.sources != "flow") | (poses.joint_scores.mean(axis=1) >= self.min_score))
