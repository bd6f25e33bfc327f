"""A video played at its own speed, as if it came from a camera."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from pose_track.video.source import LazyFrame


def paced(frames: Iterable[LazyFrame], wait: Callable[[float], bool]) -> Iterator[LazyFrame]:
    """The frames, none before its time has come. Each states when that was, as its capture.

    wait: waits for so many seconds, or until the frames are wanted no more, and returns whether that is so, as
        `threading.Event.wait` does.
    """
    start: float | None = None
    for frame in frames:
        now = time.monotonic()
        start = now - frame.pts_seconds if start is None else start
        due = start + frame.pts_seconds
        if due > now and wait(due - now):
            return
        yield replace(frame, captured=due)
