"""A virtual camera, which conference and streaming programs open like any other, by pyvirtualcam."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pyvirtualcam

from pose_track.pipeline.live_result import LiveResult


class VirtualCamera:
    """A sink that is a camera with the annotated frames.

    width, height: pixels of the frames. fps: a hint for programs that ask.

    Raises OSError where the system has no virtual camera: v4l2loopback on Linux, that of OBS elsewhere.
    """

    name = "virtual camera"
    poses_only = False

    def __init__(self, width: int, height: int, fps: Fraction) -> None:
        try:
            self._camera = pyvirtualcam.Camera(width, height, float(fps))
        except RuntimeError as error:
            reason = "; ".join(str(error).splitlines())
            raise OSError(
                f"no virtual camera can be opened ({reason}); install v4l2loopback on Linux, OBS Studio elsewhere"
            ) from error
        self.device = self._camera.device

    def send(self, result: LiveResult) -> None:
        self._camera.send(np.ascontiguousarray(result.annotated()))

    def close(self) -> None:
        self._camera.close()
