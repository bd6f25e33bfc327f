"""A file played at its own speed, as if it came from a camera."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

from pose_track.video.source import DecodedFrame, LazyFrame, Selection, VideoReader


class PacedReader(VideoReader):
    """The frames of another reader, none before its time has come. Each states when that was, as its capture."""

    is_live = True

    def __init__(self, reader: VideoReader) -> None:
        super().__init__(Selection())
        self._reader, self.info, self.faults = reader, reader.info, reader.faults
        self._waiting = threading.Event()

    def _decode(self) -> Iterator[DecodedFrame]:
        raise NotImplementedError("the frames are those of the other reader")

    def lazy_frames(self) -> Iterator[LazyFrame]:
        start: float | None = None
        for frame in self._reader.lazy_frames():
            now = time.monotonic()
            start = now - frame.pts_seconds if start is None else start
            due = start + frame.pts_seconds
            if due > now and self._waiting.wait(due - now):
                return
            yield replace(frame, captured=due)

    def close(self) -> None:
        self._waiting.set()
        self._reader.close()
