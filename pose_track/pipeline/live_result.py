"""What a sink gets of one frame while a source runs."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Frame, TrackedPoses


class LiveResult:
    """A frame with its people, for several threads.

    people: all with an id, those of unconfirmed tracks included, see `TrackedPoses.confirmed`.
    latency_seconds: from capture to this result; None for a frame of a file.
    """

    def __init__(
        self,
        frame: Frame,
        people: TrackedPoses,
        latency_seconds: float | None,
        draw: Callable[[ImageArray, TrackedPoses], ImageArray],
    ) -> None:
        self.frame, self.people, self.latency_seconds = frame, people, latency_seconds
        self._draw = draw
        self._lock = threading.Lock()
        self._annotated: ImageArray | None = None

    def annotated(self) -> ImageArray:
        """(H, W, 3) uint8 RGB with the people drawn on it. It is drawn once, by the first thread that asks."""
        with self._lock:
            if self._annotated is None:
                self._annotated = self._draw(self.frame.image, self.people)
            return self._annotated
