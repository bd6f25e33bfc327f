"""A pinhole camera over level ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pose_track.datasets.synthetic.body import Array, rotation


@dataclass(frozen=True)
class Camera:
    """A camera at x = z = 0 that looks along -z.

    width, height: of the image in pixels.
    focal: focal length in pixels.
    eye: height above the ground in metres.
    pitch: radians, positive looks down.
    roll: radians.
    """

    width: int
    height: int
    focal: float
    eye: float = 1.5
    pitch: float = 0.0
    roll: float = 0.0

    @property
    def turn(self) -> Array:
        """(3, 3) from world to camera axes: x right, y up, z towards the viewer."""
        return rotation("z", -self.roll) @ rotation("x", self.pitch)

    def project(self, points: Array) -> tuple[Array, Array]:
        """Pixels (..., 2) and depths (...,), metres in front of the camera, of world points (..., 3).

        >>> Camera(640, 480, 500.0, eye=1.0).project(np.array([0.0, 1.0, -5.0]))[0].tolist()
        [319.5, 239.5]
        """
        local = (np.asarray(points) - [0.0, self.eye, 0.0]) @ self.turn.T
        depth = -local[..., 2]
        scale = self.focal / np.maximum(depth, 0.05)
        x = local[..., 0] * scale + 0.5 * (self.width - 1)
        y = -local[..., 1] * scale + 0.5 * (self.height - 1)
        return np.stack([x, y], axis=-1), depth

    def ground(self) -> tuple[Array, Array, Array]:
        """The ground position of each pixel: x (H, W), z (H, W) in metres, and down (H, W).

        down is the sine of the angle below the horizon, negative for the sky.
        """
        x = (np.arange(self.width) - 0.5 * (self.width - 1)) / self.focal
        y = -(np.arange(self.height) - 0.5 * (self.height - 1)) / self.focal
        turn = self.turn.astype(np.float32)  # rows: camera axes in the world; a ray is its transpose times the pixel's
        gx, gy = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
        ray_x, ray_y, ray_z = (gx * turn[0, i] + gy * turn[1, i] - turn[2, i] for i in range(3))
        down = -ray_y
        reach = self.eye / np.maximum(down, 1e-3)
        return ray_x * reach, ray_z * reach, down
