"""The newest frame of a reader, for whoever takes longer than the time between two frames."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import TracebackType

from pose_track.structures.frames import Frame
from pose_track.video.paced import paced
from pose_track.video.source import Fault, LazyFrame, VideoInfo, VideoReader

_WAIT_SECONDS = 0.5  # a waiting thread wakes up this often, so that Ctrl-C is noticed on every system
_JOIN_SECONDS = 0.5
_YIELD_SECONDS = 0.001


class NewestFrames:
    """Reads a reader in a thread and hands over only its newest frame; a context manager that closes the reader.

    Iterate once. An exception of the reader, or its end, comes after the newest frame. A frame without a time of
    capture gets that at which it was read. Skipped frames are decoded but not converted.

    is_stopped: asked between frames and every half second; the iteration then ends.
    is_paced: whether the video is played at its own speed, see `paced`.
    num_skipped: the frames so far that were replaced by a newer one before anybody took them.
    """

    def __init__(
        self, reader: VideoReader, is_stopped: Callable[[], bool] = lambda: False, is_paced: bool = False
    ) -> None:
        self.num_skipped = 0
        self._reader, self._is_stopped, self._is_paced = reader, is_stopped, is_paced
        self._closed = threading.Event()
        self._changed = threading.Condition()
        self._newest: LazyFrame | None = None
        self._ended = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="newest frames", daemon=True)

    @property
    def info(self) -> VideoInfo:
        return self._reader.info

    @property
    def faults(self) -> list[Fault]:
        return self._reader.faults

    def __iter__(self) -> Iterator[Frame]:
        if self._thread.ident is not None or self._ended:
            raise ValueError(f"{self.info.source} was read or closed already; open it again to read it")
        self._thread.start()
        return self._frames()

    def _frames(self) -> Iterator[Frame]:
        while (lazy := self._take()) is not None:
            frame = lazy.read()
            if frame is not None:
                yield frame
        if self._error is not None:
            raise self._error

    def _take(self) -> LazyFrame | None:
        """Wait for a frame that was not taken yet; None at the end."""
        with self._changed:
            while self._newest is None and not self._ended and not self._is_stopped():
                self._changed.wait(_WAIT_SECONDS)
            if self._is_stopped():
                return None
            newest, self._newest = self._newest, None
        return newest

    def _read(self) -> None:
        try:
            frames = self._reader.lazy_frames()
            for frame in paced(frames, self._closed.wait) if self._is_paced else frames:
                if frame.captured is None:
                    frame = replace(frame, captured=time.monotonic())
                if not self._offer(frame):
                    return
        except BaseException as error:  # raised again by who takes the frames
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _offer(self, frame: LazyFrame) -> bool:
        """Replace the newest frame; False once closed."""
        with self._changed:
            if self._ended:
                return False
            is_ahead = self._newest is not None
            self.num_skipped += is_ahead
            self._newest = frame
            self._changed.notify_all()
        if is_ahead:  # of a source that never waits, this thread would leave the other none of a single core
            time.sleep(_YIELD_SECONDS)
        return True

    def close(self) -> None:
        """End the iteration and close the reader; a second call has no effect.

        Where the source stalls, the thread ends at the reader's time-out, and this does not wait for it.
        """
        self._closed.set()
        with self._changed:
            self._ended, self._newest = True, None
            self._changed.notify_all()
        self._reader.close()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_SECONDS)

    def __enter__(self) -> NewestFrames:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
