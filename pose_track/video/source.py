"""What every reader shares: what is known of a source, the choice of frames, frame times, the decoding error."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType

from pose_track.structures.frames import Frame, ImageArray

logger = logging.getLogger(__name__)

Image = tuple[Fraction, Callable[[], ImageArray]]
"""A decoded picture: its time in seconds, and how to get it as RGB, so that a skipped one costs no conversion."""


class DecodeError(RuntimeError):
    """A source that ends before it should or holds damaged data. frame_index: the first frame that is missing."""

    def __init__(self, source: str, frame_index: int, cause: str) -> None:
        super().__init__(
            f"{source}: cannot decode frame {frame_index}: {cause}; "
            "copy or download the file again, or repair it with another program"
        )
        self.source = source
        self.frame_index = frame_index


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a source before all of it is decoded.

    width, height: pixels of the shown frame, after rotation. fps: average frames per second. num_frames_from_header:
    what the file claims, which may be wrong; None where it claims nothing. rotation: degrees clockwise (0, 90, 180 or
    270) by which the stored picture was turned to be shown.
    """

    source: str
    width: int
    height: int
    fps: Fraction
    num_frames_from_header: int | None
    rotation: int = 0


@dataclass(frozen=True)
class Selection:
    """Which frames of a source to give: start_seconds <= time < end_seconds, and of those every stride-th.

    Raises ValueError where that can select nothing.
    """

    start_seconds: float | None = None
    end_seconds: float | None = None
    stride: int = 1

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise ValueError(f"stride must be at least 1, got {self.stride!r}")
        if self.end_seconds is not None and self.end_seconds <= (self.start_seconds or 0.0):
            raise ValueError(
                f"end_seconds must be after start_seconds, got {self.start_seconds!r} to {self.end_seconds!r}"
            )


class FrameClock:
    """Makes strictly increasing frame times that begin at 0 from the stamps of a container.

    A missing, repeated or backward stamp is replaced by the last time plus `step`, the average frame duration.
    `repaired` counts them.

    >>> clock = FrameClock(Fraction(1, 10))
    >>> [float(clock.seconds(stamp)) for stamp in (Fraction(5), None, Fraction(5), Fraction(6))]
    [0.0, 0.1, 0.2, 1.0]
    """

    def __init__(self, step: Fraction) -> None:
        self._step = step
        self._origin: Fraction | None = None
        self._last: Fraction | None = None
        self.repaired = 0

    def seconds(self, stamp: Fraction | None) -> Fraction:
        """The time of the next frame. stamp: seconds on the container's clock, None where it gives none."""
        expected = Fraction(0) if self._last is None else self._last + self._step
        if self._origin is None and stamp is not None:
            self._origin = stamp - expected
        time = None if stamp is None or self._origin is None else stamp - self._origin
        if time is None or (self._last is not None and time <= self._last):
            self.repaired += 1
            time = expected
        self._last = time
        return time


class VideoReader(ABC):
    """A source of frames, read once from its beginning to its end; a context manager that closes the source.

    Iterating yields `Frame`s. Their index is that in the source, whatever the selection; their time is seconds since
    the first frame of the source. Raises ValueError when iterated twice or after closing, or at the end if the
    selection held no frame; DecodeError after the last sound frame of a damaged source.
    """

    info: VideoInfo

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._started = False

    @abstractmethod
    def _pictures(self) -> Iterator[Image]:
        """Every picture of the source in the order shown."""

    def close(self) -> None:
        """Give the source back; safe to call twice. It cannot be read any more."""
        self._started = True

    def __iter__(self) -> Iterator[Frame]:
        if self._started:
            raise ValueError(f"{self.info.source} was read or closed already; open it again to read it")
        self._started = True
        return self._selected()

    def _selected(self) -> Iterator[Frame]:
        choice, first, seconds = self._selection, None, 0.0
        for index, (exact_seconds, convert) in enumerate(self._pictures()):
            seconds = float(exact_seconds)  # as the limits are given: 8 / 10 is less than the float 0.8
            if choice.end_seconds is not None and seconds >= choice.end_seconds:
                break
            if choice.start_seconds is not None and seconds < choice.start_seconds:
                continue
            first = index if first is None else first
            if (index - first) % choice.stride == 0:
                yield Frame(index, seconds, convert())
        if first is None:
            raise ValueError(
                f"{self.info.source} has no frame from {choice.start_seconds!r} to {choice.end_seconds!r} seconds; "
                f"the last one seen is at {seconds:.3f}"
            )

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
