"""A window that shows the annotated frames, by OpenCV."""

from __future__ import annotations

import os
import sys

import cv2

from pose_track.pipeline.live_result import LiveResult
from pose_track.sinks.image_process import ImageProcess
from pose_track.sinks.sink import StopRun

CLOSED_BY_USER = 10
"""Exit code of `window_process`."""

_MODULE = "pose_track.sinks.window_process"
_LIMIT_SECONDS = 10.0


class Window:
    """A sink with a window, in a process of its own. Esc, q and closing the window end the run."""

    name = "window"
    poses_only = False

    def __init__(self, title: str = "pose_track") -> None:
        self._title = title
        self._process: ImageProcess | None = None

    def send(self, result: LiveResult) -> None:
        try:
            if self._process is None:
                self._process = ImageProcess(_MODULE, {"title": self._title}, _LIMIT_SECONDS)
            self._process.send(result.annotated(), result.frame.pts_seconds)
        except BrokenPipeError:
            self._raise_reason()

    def _raise_reason(self) -> None:
        """Raises StopRun or OSError, as the process ended."""
        assert self._process is not None
        process, self._process = self._process, None
        code, lines = process.close()
        if process.hung:
            raise OSError("takes no more frames")
        if code == CLOSED_BY_USER:
            raise StopRun
        line = 0 if code < 0 else -1  # an abort explains itself first, a traceback at its end
        raise OSError(f"cannot be shown: {lines[line] if lines else f'its process ended with {code}'}")

    def close(self) -> None:
        if self._process is not None:
            self._process.close()


def check_window() -> None:
    """Raises ImportError, with the pip command, where the installed OpenCV cannot open windows, and OSError where
    there is no display."""
    if not cv2.currentUIFramework():
        release = ".".join(cv2.__version__.split(".")[:2])
        raise ImportError(
            "a window needs an OpenCV that can open one, and the installed one is headless; "
            f"pip install --force-reinstall --no-deps opencv-python=={release}.*"
        )
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise OSError("a window needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set")
