"""Where people are going: a Kalman filter of constant velocity for each, all computed at once.

The filter is the textbook one (Bar-Shalom, Li and Kirubarajan, "Estimation with Applications to Tracking and
Navigation", 2001, section 6.2.2: white noise acceleration), equal to filterpy's `KalmanFilter` (tested). It is written
out here because filterpy filters one person at a time, 45 microseconds each, which alone would be most of a tracker's
time in a crowd.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pose_track.tracking.rows import Rows

Floats = NDArray[np.float64]

# Variances in units of the body's size, the root of its area: where a pose is seen; how fast somebody moves of whom
# nothing is known, a second; and how much the velocity changes in a second.
POSITION_NOISE = 0.05**2
START_VELOCITY = 2.0**2
ACCELERATION = 4.0**2


@dataclass(frozen=True, eq=False)
class Motion(Rows):
    """T people. position: (T, 2) pixels; velocity: (T, 2) pixels a second; covariance: (T, 3) variance of the position,
    covariance of both, variance of the velocity, of x and of y alike, in body sizes and seconds; seconds: (T,) when."""

    position: Floats
    velocity: Floats
    covariance: Floats
    seconds: Floats

    @classmethod
    def start(cls, position: Floats, seconds: float) -> Motion:
        """People first seen at `position`, (T, 2)."""
        n = len(position)
        covariance = np.tile([POSITION_NOISE, 0.0, START_VELOCITY], (n, 1))
        return cls(position.astype(np.float64), np.zeros((n, 2)), covariance, np.full(n, float(seconds)))

    def predict(self, seconds: float) -> Motion:
        """The same people at a later time."""
        dt = seconds - self.seconds
        p, pv, v = self.covariance.T
        q = ACCELERATION * dt
        covariance = np.stack([p + 2 * dt * pv + dt**2 * v + q * dt**2 / 3, pv + dt * v + q * dt / 2, v + q], axis=1)
        position = self.position + dt[:, None] * self.velocity
        return Motion(position, self.velocity, covariance, np.full(len(dt), float(seconds)))

    def correct(self, seen: Floats) -> Motion:
        """The same people, predicted for now, after they were seen at `seen`, (T, 2)."""
        p, pv, v = self.covariance.T
        gain = np.stack([p, pv], axis=1) / (p + POSITION_NOISE)[:, None]  # (T, 2)
        innovation = seen - self.position
        covariance = np.stack([p * (1 - gain[:, 0]), pv * (1 - gain[:, 0]), v - gain[:, 1] * pv], axis=1)
        return Motion(
            self.position + gain[:, :1] * innovation, self.velocity + gain[:, 1:] * innovation, covariance, self.seconds
        )
