"""From pixels to metres, and from stored times to true ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pose_track.analysis.motion import fit_motion
from pose_track.analysis.trajectory import Trajectory
from pose_track.structures.arrays import Float64Array

# The share of the body height between two joints (Winter, "Biomechanics and Motor Control of Human Movement", 4th ed.,
# figure 4.1), for people who stand: from the ankle to the top of the head. Sums of segments do not depend on posture.
_SEGMENT_SHARES = {
    "shank": (0.246, (("left_knee", "left_ankle"), ("right_knee", "right_ankle"))),
    "thigh": (0.245, (("left_hip", "left_knee"), ("right_hip", "right_knee"))),
    "upper_arm": (0.186, (("left_shoulder", "left_elbow"), ("right_shoulder", "right_elbow"))),
    "forearm": (0.146, (("left_elbow", "left_wrist"), ("right_elbow", "right_wrist"))),
}
_LONG_PERCENTILE = 95  # a segment that points to the camera is shorter in the image: the longest views count


def body_height_pixels(trajectory: Trajectory, min_score: float) -> float:
    """The height in pixels of a person, from the lengths of their legs and arms; NaN where these are not seen.

    Of each segment the 95th percentile of its lengths counts, for most views shorten it; between smoothed joints, for
    noise lengthens it.
    """
    seen = np.where((trajectory.scores >= min_score)[..., None], trajectory.joints, np.nan)
    smooth = fit_motion(seen.reshape(len(seen), -1), trajectory.seconds).position
    body = replace(trajectory, joints=smooth.reshape(seen.shape))
    lengths, shares = 0.0, 0.0
    for share, ends in _SEGMENT_SHARES.values():
        for proximal, distal in ends:
            a, b = body.point(proximal), body.point(distal)
            if a is None or b is None:
                continue
            length = np.hypot(*(b - a).T)
            if np.isfinite(length).sum() >= 6:
                lengths, shares = lengths + float(np.nanpercentile(length, _LONG_PERCENTILE)), shares + share
    return lengths / shares if shares else float("nan")


def scaled(trajectory: Trajectory, metres_per_pixel: float) -> Trajectory:
    """The trajectory in metres, from the top-left pixel."""
    return replace(trajectory, joints=trajectory.joints * metres_per_pixel)


@dataclass(frozen=True, eq=False)
class Floor:
    """A plane in the image with known coordinates, such as the floor. homography: (3, 3) from pixels to metres."""

    homography: Float64Array

    @classmethod
    def from_points(cls, pixels: Float64Array, metres: Float64Array) -> Floor:
        """The plane through four points or more.

        pixels, metres: (P, 2) the same points in the image and on the plane. Raises ValueError for fewer than four, and
        where three of four lie on a line.
        """
        if len(pixels) < 4 or pixels.shape != metres.shape:
            raise ValueError(f"a floor needs at least four points, each x,y in pixels and in metres, got {len(pixels)}")
        rows = []
        for (x, y), (u, v) in zip(pixels, metres, strict=True):
            rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y, -u], [0, 0, 0, x, y, 1, -v * x, -v * y, -v]]
        _, singular, vectors = np.linalg.svd(np.array(rows))
        if singular[7] < 1e-9 * singular[0]:
            raise ValueError("three of the floor's points lie on a line; choose four corners")
        return cls(vectors[-1].reshape(3, 3))

    def to_metres(self, pixels: Float64Array) -> Float64Array:
        """(..., 2) points of the image, on the plane."""
        homogeneous = np.concatenate([pixels, np.ones_like(pixels[..., :1])], axis=-1) @ self.homography.T
        return np.asarray(homogeneous[..., :2] / homogeneous[..., 2:])


def slowed(trajectory: Trajectory, speed_factor: float) -> Trajectory:
    """The trajectory with true times.

    speed_factor: speed of the video over that of life, such as 0.125 for 240 frames a second stored as 30. Raises
    ValueError unless it is above 0.
    """
    if not speed_factor > 0:
        raise ValueError(f"the speed factor must be above 0, got {speed_factor!r}")
    return replace(trajectory, seconds=trajectory.seconds * speed_factor)
