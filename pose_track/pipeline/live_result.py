"""The result of one frame, for whoever shows or sends it while a source runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol

from pose_track.drawing.painter import Painter
from pose_track.drawing.style import Style
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Frame, TrackedPoses
from pose_track.video.source import VideoInfo

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


class Outlet(Protocol):
    """Where the results of a run go while it runs, besides its files; a context manager.

    stop_requested: set where the user ends the run there, such as by closing a window.
    """

    stop_requested: threading.Event

    def show(self, result: LiveResult) -> None:
        """Take the result of the next frame; returns at once."""

    def __enter__(self) -> Outlet: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class NoOutlet:
    """Shows nothing."""

    def __init__(self) -> None:
        self.stop_requested = threading.Event()

    def show(self, result: LiveResult) -> None:
        """Nothing is shown."""

    def __enter__(self) -> NoOutlet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """There is nothing to release."""


OpenOutlet = Callable[[Mapping[str, Any], VideoInfo], Outlet]
"""The header of the track records and what is known of the video -> where its results go."""


def no_outlet(header: Mapping[str, Any], info: VideoInfo) -> NoOutlet:
    """Results go into files only."""
    return NoOutlet()


def drawing(style: Style) -> Draw:
    """How `annotated` draws. Images that are shown have three channels: what would be transparent is black."""
    if style.background == "transparent":
        style = replace(style, background="black")
    return Painter(style).draw
