"""The result of one frame, for whoever shows or sends it while a source runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from pose_track.pipeline.render import render
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Frame, TrackedPoses

Draw = Callable[[ImageArray, TrackedPoses], ImageArray]


class LiveResult:
    """A frame with its people, for several threads.

    people: all with an id, those of unconfirmed tracks included, see `TrackedPoses.confirmed`.
    latency_seconds: from the frame's capture until now; None for a frame of a file.
    """

    def __init__(self, frame: Frame, people: TrackedPoses, draw: Draw) -> None:
        self.frame, self.people = frame, people
        self.latency_seconds = None if frame.captured is None else time.monotonic() - frame.captured
        self._draw = draw
        self._lock = threading.Lock()
        self._annotated: ImageArray | None = None

    def annotated(self) -> ImageArray:
        """(H, W, 3) uint8 RGB with the people drawn on it. It is drawn once, by the first thread that asks."""
        with self._lock:
            if self._annotated is None:
                self._annotated = self._draw(self.frame.image, self.people)
            return self._annotated


Show = Callable[[LiveResult], None]


def no_show(result: LiveResult) -> None:
    """Shows nothing."""


def drawing(min_joint_score: float) -> Draw:
    """How `annotated` draws; see `render`."""
    return partial(render, min_joint_score=min_joint_score)
