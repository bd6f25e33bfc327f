"""What a tracker remembers of the people it may see again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pose_track.geometry.boxes import box_areas, box_centers
from pose_track.structures.frames import FloatArray, IntArray, Poses
from pose_track.structures.skeleton import Skeleton
from pose_track.tracking.appearance import MIN_JOINT_SCORE, Appearance
from pose_track.tracking.motion import Motion
from pose_track.tracking.rows import Rows

Floats = NDArray[np.float64]

EXTRAPOLATION = 0.5  # seconds for which a person out of sight is thought to go straight on
_AREA_KEPT = 0.9  # of the largest area, from frame to frame


@dataclass(frozen=True, eq=False)
class Tracks(Rows):
    """T people.

    ids: (T,). joints, joint_scores, boxes: of the last pose seen, as in `Poses`. areas: (T,) square pixels of the box,
    slowly forgetting larger ones, for a half-hidden person is no smaller. carried, warped_scores: (T, L, K, 2) and (T,
    L, K) the poses of the last L frames, latest first, moved along the optical flow since; score 0 where there was
    none. scores: (T,) of the last pose a detector found. num_seen: (T,) by a detector; num_flow: (T,) successive frames
    since. last_index: (T,) of the frame where seen last. anchor: (T, 2) the point that `motion` follows, where seen
    last. looks: how each looks, as far as known.
    """

    ids: IntArray
    joints: FloatArray
    joint_scores: FloatArray
    boxes: FloatArray
    areas: Floats
    warped: FloatArray
    warped_scores: FloatArray
    scores: FloatArray
    num_seen: IntArray
    num_flow: IntArray
    last_index: IntArray
    anchor: Floats
    motion: Motion
    appearance: Appearance

    @classmethod
    def start(cls, poses: Poses, ids: IntArray, index: int, seconds: float, num_carried: int) -> Tracks:
        """Tracks of people never seen before."""
        n, k = poses.joint_scores.shape
        centers = box_centers(poses.boxes)
        warped, warped_scores = (
            np.zeros((n, num_carried, k, 2), np.float32),
            np.zeros((n, num_carried, k), np.float32),
        )
        warped[:, 0], warped_scores[:, 0] = poses.joints, poses.joint_scores
        return cls(
            ids, poses.joints, poses.joint_scores, poses.boxes, box_areas(poses.boxes), warped, warped_scores,
            poses.scores, np.ones(n, np.int64), np.zeros(n, np.int64), np.full(n, index), centers,
            Motion.start(centers, seconds), Appearance.start(poses),
        )  # fmt: skip

    @classmethod
    def empty(cls, skeleton: Skeleton, num_carried: int) -> Tracks:
        return cls.start(Poses.empty(skeleton), np.zeros(0, np.int64), 0, 0.0, num_carried)

    def seen(self, poses: Poses, index: int, seconds: float) -> Tracks:
        """The same people, each of whom was just seen as the pose beside it."""
        is_flow = poses.sources == "flow"
        anchor = self.anchor + _moved(self, poses)
        return replace(
            self,
            joints=poses.joints,
            joint_scores=poses.joint_scores,
            boxes=poses.boxes,
            warped=_pushed(self.warped, poses.joints),
            warped_scores=_pushed(self.warped_scores, poses.joint_scores),
            areas=np.maximum(box_areas(poses.boxes), _AREA_KEPT * self.areas),
            scores=np.where(is_flow, self.scores, poses.scores),
            num_seen=self.num_seen + ~is_flow,
            num_flow=np.where(is_flow, self.num_flow + 1, 0),
            last_index=np.full(len(self), index),
            anchor=anchor,
            motion=self.motion.predict(seconds).correct(anchor),
            appearance=self.appearance.seen(poses),
        )

    def missed(self) -> Tracks:
        """The same people, none of whom was seen."""
        return replace(
            self,
            warped=_pushed(self.warped, np.zeros_like(self.joints)),
            warped_scores=_pushed(self.warped_scores, np.zeros_like(self.joint_scores)),
        )

    def warped_centers(self) -> Floats:
        """(T, 2) the mean of the joints carried along the flow, pixels; NaN where none is."""
        known = self.warped_scores > MIN_JOINT_SCORE
        total = np.where(known[..., None], self.warped, 0).sum(axis=(1, 2), dtype=np.float64)
        number = known.sum(axis=(1, 2))[:, None]
        return np.asarray(np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0))

    def expected_move(self, seconds: float) -> FloatArray:
        """(T, 2) pixels from where each was seen last to where they should be at a later time."""
        unseen = np.minimum(seconds - self.motion.seconds, EXTRAPOLATION)
        move = self.motion.position - self.anchor + unseen[:, None] * self.motion.velocity
        return move.astype(np.float32)


def _pushed(warped: FloatArray, latest: FloatArray) -> FloatArray:
    """(T, L, ...) with the latest, (T, ...), in front and without the oldest."""
    return np.concatenate([latest[:, None], warped[:, :-1]], axis=1)


def _moved(tracks: Tracks, poses: Poses) -> Floats:
    """(T, 2) how far each went since seen last: the mean over the joints known then and now, without any the box."""
    both = (tracks.joint_scores > MIN_JOINT_SCORE) & (poses.joint_scores > MIN_JOINT_SCORE)
    steps = np.where(both[..., None], poses.joints - tracks.joints, 0).sum(axis=1)
    number = both.sum(axis=1)[:, None]
    by_box = box_centers(poses.boxes) - box_centers(tracks.boxes)
    return np.where(number > 0, steps / np.maximum(number, 1), by_box)
