"""The state of the tracks in the track buffer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pose_track.geometry.boxes import box_areas, box_centers
from pose_track.structures.arrays import BoolArray, Float32Array, Float64Array, IntArray
from pose_track.structures.frames import Poses
from pose_track.structures.skeleton import Skeleton
from pose_track.tracking.appearance import MIN_JOINT_SCORE, Appearance
from pose_track.tracking.motion import Motion
from pose_track.tracking.parallel_arrays import ParallelArrays

MAX_EXTRAPOLATION = 0.5  # seconds for which a missed person is assumed to keep their velocity
_AREA_DECAY = 0.9  # of a larger area, each frame


@dataclass(frozen=True, eq=False)
class Tracks(ParallelArrays):
    """T tracks.

    ids: (T,) track ids.
    joints, joint_scores, boxes: of the last pose, as in `Poses`.
    areas: (T,) square pixels of the box. A larger area decays slowly, since an occluded person does not get smaller.
    warped: (T, L, K, 2) joints of the last L frames, latest first, warped into the current frame by optical flow.
    warped_scores: (T, L, K); 0 where a joint was not seen.
    scores: (T,) person score of the last detected pose.
    num_detections: (T,) frames with a detection.
    num_flow_frames: (T,) consecutive frames without a detection, followed by optical flow.
    anchor: (T, 2) the point that `motion` filters, in the last frame with the track.
    motion: Kalman filter states, at the time of that frame.
    appearance: as far as known.
    sides: (T, H) beliefs that left and right of the last pose are exchanged, see `limbs`; H is 0 where nobody asks.
    """

    ids: IntArray
    joints: Float32Array
    joint_scores: Float32Array
    boxes: Float32Array
    areas: Float64Array
    warped: Float32Array
    warped_scores: Float32Array
    scores: Float32Array
    num_detections: IntArray
    num_flow_frames: IntArray
    anchor: Float64Array
    motion: Motion
    appearance: Appearance
    sides: Float32Array

    @classmethod
    def start(
        cls, poses: Poses, ids: IntArray, seconds: float, warped_frames: int, sides: Float32Array | None = None
    ) -> Tracks:
        """New tracks, one for each pose. warped_frames: L."""
        n, k = poses.joint_scores.shape
        centers = box_centers(poses.boxes)
        warped = np.zeros((n, warped_frames, k, 2), np.float32)
        warped_scores = np.zeros((n, warped_frames, k), np.float32)
        warped[:, 0], warped_scores[:, 0] = poses.joints, poses.joint_scores
        return cls(
            ids, poses.joints, poses.joint_scores, poses.boxes, box_areas(poses.boxes), warped, warped_scores,
            poses.scores, np.ones(n, np.int64), np.zeros(n, np.int64), centers,
            Motion.start(centers, seconds), Appearance.start(poses),
            np.zeros((n, 0), np.float32) if sides is None else sides,
        )  # fmt: skip

    @classmethod
    def empty(cls, skeleton: Skeleton, warped_frames: int) -> Tracks:
        return cls.start(Poses.empty(skeleton), np.zeros(0, np.int64), 0.0, warped_frames)

    def update(
        self, poses: Poses, seconds: float, sides: Float32Array | None = None, is_apart: BoolArray | None = None
    ) -> Tracks:
        """The same tracks after each was matched with the pose in its row, in the frame at `seconds`.

        sides: (T, H) the new beliefs; None for the old ones.
        is_apart: (T,) poses whose appearance is learnt, see `overlap`; None for all.
        """
        is_flow = poses.sources == "flow"
        each = np.arange(len(self))
        anchor = self.anchor + displacements(self, poses, each, each)
        return replace(
            self,
            joints=poses.joints,
            joint_scores=poses.joint_scores,
            boxes=poses.boxes,
            warped=_push(self.warped, poses.joints),
            warped_scores=_push(self.warped_scores, poses.joint_scores),
            areas=np.maximum(box_areas(poses.boxes), _AREA_DECAY * self.areas),
            scores=np.where(is_flow, self.scores, poses.scores),
            num_detections=self.num_detections + ~is_flow,
            num_flow_frames=np.where(is_flow, self.num_flow_frames + 1, 0),
            anchor=anchor,
            motion=self.motion.predict(seconds).update(anchor),
            appearance=self.appearance.update(poses, is_apart),
            sides=self.sides if sides is None else sides,
        )

    def mark_missed(self) -> Tracks:
        """The same tracks after a frame in which none was matched."""
        return replace(
            self,
            warped=_push(self.warped, np.zeros_like(self.joints)),
            warped_scores=_push(self.warped_scores, np.zeros_like(self.joint_scores)),
        )

    def warped_centers(self) -> Float64Array:
        """(T, 2) the mean of the warped joints, x y in pixels; NaN without any."""
        is_known = self.warped_scores > MIN_JOINT_SCORE
        total = np.where(is_known[..., None], self.warped, 0).sum(axis=(1, 2), dtype=np.float64)
        number = is_known.sum(axis=(1, 2))[:, None]
        return np.asarray(np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0))

    def predicted_displacement(self, seconds: float) -> Float32Array:
        """(T, 2) displacement from the last position to the predicted one at a later time, x y in pixels."""
        elapsed = np.minimum(seconds - self.motion.seconds, MAX_EXTRAPOLATION)
        displacement = self.motion.position - self.anchor + elapsed[:, None] * self.motion.velocity
        return displacement.astype(np.float32)


def _push(history: Float32Array, latest: Float32Array) -> Float32Array:
    """(T, L, ...) with the latest, (T, ...), in front and without the oldest."""
    return np.concatenate([latest[:, None], history[:, :-1]], axis=1)


def displacements(tracks: Tracks, poses: Poses, rows: IntArray, cols: IntArray) -> Float64Array:
    """(P, 2) displacement from each track `rows[i]`, where last seen, to the pose `cols[i]`: the mean over common
    joints, or that of the box centre without any."""
    of_joints, number = mean_displacement(
        tracks.joints[rows], tracks.joint_scores[rows], poses.joints[cols], poses.joint_scores[cols]
    )
    of_box = box_centers(poses.boxes)[cols] - box_centers(tracks.boxes)[rows]
    return np.where(number[:, None] > 0, of_joints, of_box)


def mean_displacement(
    joints: Float32Array, scores: Float32Array, new_joints: Float32Array, new_scores: Float32Array
) -> tuple[Float64Array, IntArray]:
    """(P, 2) mean displacement of the joints that both poses of a pair have, 0 without any, and (P,) their number."""
    is_common = (scores > MIN_JOINT_SCORE) & (new_scores > MIN_JOINT_SCORE)
    total = np.where(is_common[..., None], new_joints - joints, 0).sum(axis=1)
    number = is_common.sum(axis=1)
    return total / np.maximum(number, 1)[:, None], number
