"""What all readers share: metadata, frame selection, frame times and the decoding error."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from types import TracebackType
from typing import Literal

from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Frame

logger = logging.getLogger(__name__)

OnDamage = Literal["continue", "stop"]
"""What follows damage in a video: all frames that FFmpeg decodes, or none."""

DecodedFrame = tuple[Fraction, Callable[[], ImageArray | None]]
"""A decoded frame: its time in seconds, and a function that converts it to RGB, so that a skipped one costs no
conversion. The function returns None for a damaged image, once it is among the faults."""


class DecodeError(RuntimeError):
    """A video that ends too early or holds damaged data. frame_index: the first missing frame; cause: what is wrong."""

    def __init__(self, source: str, frame_index: int, cause: str) -> None:
        super().__init__(
            f"{source}: cannot decode frame {frame_index}: {cause}; "
            "copy or download the file again, or repair it with another program"
        )
        self.source = source
        self.frame_index = frame_index
        self.cause = cause


class DamageError(DecodeError):
    """A damaged video that was read on to its end. faults: what was met, in order; num_frames: how many it gave."""

    def __init__(self, source: str, faults: Sequence[Fault], num_frames: int) -> None:
        first = faults[0]
        others = f", and {len(faults) - 1} more faults" if len(faults) > 1 else ""
        RuntimeError.__init__(
            self,
            f"{source} is damaged at frame {first.frame_index}: {first.cause}{others}; the {num_frames} frames that "
            "can be decoded were read; copy or download the file again, or repair it with another program",
        )
        self.source, self.frame_index, self.cause = source, first.frame_index, first.cause
        self.faults, self.num_frames = tuple(faults), num_frames


class StreamLostError(DecodeError):
    """A live source that was lost and could not be opened again. The frames before it are complete."""

    def __init__(self, source: str, frame_index: int, cause: str, num_attempts: int) -> None:
        RuntimeError.__init__(
            self,
            f"{source} was lost at frame {frame_index}: {cause}; gave up after {num_attempts} attempts to reconnect; "
            "check the camera or server and the network",
        )
        self.source, self.frame_index, self.cause = source, frame_index, cause


@dataclass(frozen=True)
class Fault:
    """Damaged or missing data in a video, or a gap in a live source.

    frame_index: the first frame at or after it; after the last frame, the number of frames.
    cause: what is wrong.
    """

    frame_index: int
    cause: str


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video before all of it is decoded.

    source: its path, as given.
    width, height: pixels of the displayed frame, after rotation.
    fps: average frames per second.
    num_frames_from_header: the file's own claim, which may be wrong; None where it makes none.
    rotation: degrees clockwise (0, 90, 180 or 270) that turn the stored frame into the displayed one.
    """

    source: str
    width: int
    height: int
    fps: Fraction
    num_frames_from_header: int | None
    rotation: int = 0


@dataclass(frozen=True)
class Selection:
    """Which frames of a video to read: start_seconds <= time < end_seconds, and of those every stride-th.

    Raises ValueError for a selection that is always empty.
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
    """Turns the timestamps of a container into strictly increasing frame times that start at 0.

    A missing, repeated or decreasing timestamp is replaced by the last time plus `step`, the average frame duration.
    `repaired` counts them.

    >>> clock = FrameClock(Fraction(1, 10))
    >>> [float(clock.seconds(timestamp)) for timestamp in (Fraction(5), None, Fraction(5), Fraction(6))]
    [0.0, 0.1, 0.2, 1.0]
    """

    def __init__(self, step: Fraction) -> None:
        self._step = step
        self._origin: Fraction | None = None
        self._last: Fraction | None = None
        self.repaired = 0

    def seconds(self, timestamp: Fraction | None) -> Fraction:
        """The time of the next frame. timestamp: seconds on the container's clock; None where missing."""
        expected = Fraction(0) if self._last is None else self._last + self._step
        if self._origin is None and timestamp is not None:
            self._origin = timestamp - expected
        time = None if timestamp is None or self._origin is None else timestamp - self._origin
        if time is None or (self._last is not None and time <= self._last):
            self.repaired += 1
            time = expected
        self._last = time
        return time


@dataclass(frozen=True)
class LazyFrame:
    """A frame that is not converted to RGB yet; the other fields as of `Frame`.

    convert: returns the image; None for a damaged one, once it is among the faults.
    """

    index: int
    pts_seconds: float
    convert: Callable[[], ImageArray | None]
    image_name: str
    captured: float | None

    def read(self) -> Frame | None:
        """The frame, converted in this thread; None for a damaged image."""
        image = self.convert()
        if image is None:
            return None
        return Frame(self.index, self.pts_seconds, image, self.image_name, self.captured)


_CLOSE_SECONDS = 0.5  # how long closing waits for another thread that reads


class VideoReader(ABC):
    """A video that is read once, from start to end; a context manager that closes it.

    Iterating yields `Frame`s. Index and time are those in the video, whatever the selection; time is in seconds since
    the first frame. Raises ValueError when iterated twice or after closing, and at the end where the selection was
    empty; DecodeError after the last frame of a damaged video.

    info: what is known before it is read.
    faults: the damage met so far, and the gaps of a live source; one at a frame is in it before that frame is returned.
    is_live: whether frames come as they are captured: those of a camera, a screen, and a stream without a known end.
    """

    info: VideoInfo
    is_live = False
    _first_frame = 0  # of the first decoded frame

    def __init__(self, selection: Selection) -> None:
        self.faults: list[Fault] = []
        self._selection = selection
        self._started = False
        self._num_read = 0
        self._captured: float | None = None  # of the frame that was decoded last
        self._closed = threading.Event()
        self._decoding = threading.Lock()

    @abstractmethod
    def _decode(self) -> Iterator[DecodedFrame]:
        """Every frame of the video in presentation order."""

    def _image_name(self, index: int) -> str:
        """The file name of an image; "" for a frame of a video."""
        return ""

    def close(self) -> None:
        """Release the video, which cannot be read any more. A second call has no effect.

        Another thread may be reading: it gets no further frame. Where its source stalls, this does not wait for it, and
        that thread releases the video once it goes on.
        """
        self._started = True
        self._closed.set()
        if self._decoding.acquire(timeout=_CLOSE_SECONDS):
            try:
                self._release()
            finally:
                self._decoding.release()

    def _release(self) -> None:  # noqa: B027 (not all hold something)
        """Free what the reader holds. It may be called twice, but never while a frame is decoded."""

    def __iter__(self) -> Iterator[Frame]:
        return (frame for lazy in self.lazy_frames() if (frame := lazy.read()) is not None)

    def lazy_frames(self) -> Iterator[LazyFrame]:
        """Like iterating, but only those frames are converted that are read, in any thread."""
        if self._started:
            raise ValueError(f"{self.info.source} was read or closed already; open it again to read it")
        self._started = True
        return self._selected()

    def _decode_until_closed(self) -> Iterator[DecodedFrame]:
        decoded = self._decode()
        while True:
            with self._decoding:
                item = None if self._closed.is_set() else next(decoded, None)
                if self._closed.is_set():  # meanwhile
                    self._release()
                    return
            if item is None:
                return
            yield item

    def _counted(self, convert: Callable[[], ImageArray | None]) -> ImageArray | None:
        image = convert()
        self._num_read += image is not None
        return image

    def _selected(self) -> Iterator[LazyFrame]:
        selection, first, seconds = self._selection, None, 0.0
        for index, (exact_seconds, convert) in enumerate(self._decode_until_closed(), self._first_frame):
            seconds = float(exact_seconds)  # floats like the limits: 8 / 10 is less than the float 0.8
            if selection.end_seconds is not None and seconds >= selection.end_seconds:
                break
            if selection.start_seconds is not None and seconds < selection.start_seconds:
                continue
            first = index if first is None else first
            if (index - first) % selection.stride == 0:
                counted = partial(self._counted, convert)
                yield LazyFrame(index, seconds, counted, self._image_name(index), self._captured)
        if self._closed.is_set():
            return
        if self.faults and not self.is_live:
            raise DamageError(self.info.source, self.faults, self._num_read)
        if first is None:
            raise ValueError(
                f"{self.info.source} has no frame from {selection.start_seconds!r} to {selection.end_seconds!r} "
                f"seconds; the last one seen is at {seconds:.3f}"
            )

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
