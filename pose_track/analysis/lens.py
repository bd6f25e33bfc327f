"""The distortion of a lens, removed from points of the image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pose_track.analysis.trajectory import Trajectory
from pose_track.structures.arrays import Float64Array

_STEPS = 20
_MAX_RESIDUAL = 0.1  # pixels between a point and its undistorted one, distorted again
_MAX_ASPECT_CHANGE = 0.01


@dataclass(frozen=True, eq=False)
class Lens:
    """A calibrated camera, with the models of OpenCV (module calib3d).

    matrix: (3, 3) the camera matrix, in pixels.
    distortion: (D,) k1 k2 p1 p2 k3 ... (Brown, Photogrammetric Engineering 32, 1966), of 4, 5, 8, 12 or 14; of a
        fisheye k1 to k4 (Kannala and Brandt, IEEE TPAMI 28, 2006).
    size: width and height of the images it was calibrated for; None where that is not known.
    """

    matrix: Float64Array
    distortion: Float64Array
    is_fisheye: bool = False
    size: tuple[int, int] | None = None

    def for_size(self, width: int | None, height: int | None) -> Lens:
        """The same camera for images of another size, which are scaled; None where that is not known.

        Raises ValueError for an image of another shape, of which it is not known how it was cut.
        """
        if self.size is None or width is None or height is None or self.size == (width, height):
            return self
        sx, sy = width / self.size[0], height / self.size[1]
        if abs(sx / sy - 1) > _MAX_ASPECT_CHANGE:
            raise ValueError(
                f"the lens was calibrated for {self.size[0]}x{self.size[1]}, the video has {width}x{height}; "
                "calibrate it for images of this shape"
            )
        # the centre of the top-left pixel is at (0, 0), the image's edge half a pixel before it
        scale = np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])
        return replace(self, matrix=scale @ self.matrix, size=(width, height))

    def undistorted(self, points: Float64Array) -> Float64Array:
        """(..., 2) where the points would be without the distortion, in pixels of the same camera matrix. NaN for NaN,
        and where the model has no such point: beyond the angle up to which it is valid."""
        flat = points.reshape(-1, 2)
        known = np.isfinite(flat).all(axis=1)
        result = np.full_like(flat, np.nan, dtype=np.float64)
        if known.any():
            result[known] = self._undistort(flat[known].astype(np.float64))
        return result.reshape(points.shape)

    def _undistort(self, points: Float64Array) -> Float64Array:
        undistort = cv2.fisheye.undistortPoints if self.is_fisheye else cv2.undistortPoints
        found = undistort(points[:, None], self.matrix, self.distortion, P=self.matrix)
        guess: Float64Array = np.asarray(found, np.float64)[:, 0]
        for _ in range(_STEPS):  # OpenCV stops after a few
            guess = guess + points - self.distorted(guess)
        is_exact = np.hypot(*(points - self.distorted(guess)).T) <= _MAX_RESIDUAL
        return np.asarray(np.where(is_exact[:, None], guess, np.nan))

    def distorted(self, points: Float64Array) -> Float64Array:
        """(N, 2) the inverse of `undistorted`."""
        rays = np.column_stack([points, np.ones(len(points))]) @ np.linalg.inv(self.matrix).T
        if self.is_fisheye:
            return np.asarray(cv2.fisheye.distortPoints(rays[:, None, :2], self.matrix, self.distortion)[:, 0])
        zero = np.zeros(3)
        return np.asarray(cv2.projectPoints(rays[:, None], zero, zero, self.matrix, self.distortion)[0][:, 0])


def without_distortion(trajectory: Trajectory, lens: Lens) -> Trajectory:
    """The trajectory as a camera without distortion sees it; joints for which the model has no point are absent."""
    joints = lens.undistorted(trajectory.joints)
    scores = np.where(np.isnan(joints[..., 0]), 0.0, trajectory.scores)
    return replace(trajectory, joints=joints, scores=scores)
