"""Frames of any times as a video of a constant rate."""

from __future__ import annotations

from fractions import Fraction
from types import TracebackType
from typing import Protocol

from pose_track.structures.arrays import ImageArray


class FrameWriter(Protocol):
    """What takes the frames of a video; a context manager that finishes it."""

    def write(self, image: ImageArray, pts_seconds: float | None = None) -> None: ...

    def __enter__(self) -> FrameWriter: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ConstantRate:
    """Writes frames of any times at a constant rate: at each moment the newest frame, so that some are repeated and
    some left out.

    writer: what takes the frames. fps: their rate.
    """

    def __init__(self, writer: FrameWriter, fps: Fraction) -> None:
        self._writer, self._step = writer, 1 / fps
        self._first: Fraction | None = None
        self._num_written = 0
        self._last: ImageArray | None = None

    def write(self, image: ImageArray, pts_seconds: float | None = None) -> None:
        """Take the next frame. pts_seconds: its time."""
        if pts_seconds is None:
            raise ValueError("frames at a constant rate need their times")
        seconds = Fraction(pts_seconds)
        self._first = seconds if self._first is None else self._first
        self._write_until(seconds - self._first)
        self._last = image

    def _write_until(self, end: Fraction) -> None:
        """Write the last frame at all moments before `end`; a rounded time is not before another that it equals."""
        assert self._first is not None
        while self._last is not None and self._num_written * self._step < end - self._step / 1000:
            self._writer.write(self._last, float(self._first + self._num_written * self._step))
            self._num_written += 1

    def __enter__(self) -> ConstantRate:
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._last is not None:
            self._write_until((self._num_written + 1) * self._step)
        self._writer.__exit__(kind, error, trace)
