"""Cameras, screens and streams without a known end, as videos; what is lost is opened again."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from itertools import chain

import av
from av.container import InputContainer

from pose_track.video.connection import connect
from pose_track.video.conversion import FrameConverter
from pose_track.video.declared_size import MAX_PIXELS
from pose_track.video.live_clock import LiveClock
from pose_track.video.live_decoder import ConnectionLost, LiveDecoder
from pose_track.video.locations import Location
from pose_track.video.packets import average_fps, is_raw
from pose_track.video.pyav_reader import PyAvReader
from pose_track.video.source import (
    DecodedFrame,
    Fault,
    OnDamage,
    Selection,
    StreamLostError,
    VideoInfo,
    VideoReader,
)
from pose_track.video.stream_options import StreamOptions

logger = logging.getLogger(__name__)

_WITHOUT_TIMES = ("mpjpeg", "mjpeg", "jpeg_pipe")  # FFmpeg makes up their timestamps
_LEAST_STEP = Fraction(1, 1000)  # between two frames without timestamps

ReceivedFrame = tuple[float, av.VideoFrame]


def open_stream(
    location: Location,
    selection: Selection,
    options: StreamOptions,
    on_damage: OnDamage = "continue",
    max_pixels: int = MAX_PIXELS,
) -> VideoReader:
    """Open a camera, screen or stream: a `StreamReader` where it is live, else a reader as for a file.

    Raises as `connect`, and ValueError where it has no video.
    """
    container = connect(location, options)
    try:
        if _is_live(location, container):
            return StreamReader(location, selection, options, max_pixels, container)
        return PyAvReader(location.text, selection, on_damage, None, max_pixels, container)
    except BaseException:
        container.close()
        raise


def _is_live(location: Location, container: InputContainer) -> bool:
    """Whether an open source has neither a duration nor, where that is not a playlist's, a size."""
    if location.kind != "stream":
        return True
    is_playlist = container.format.name == "hls"
    return container.duration is None and (is_playlist or location.is_live or container.size <= 0)


class StreamReader(VideoReader):
    """A live source. A frame's `captured` is when its data arrived. Damaged data and gaps are among the faults.

    Times are those of the source since its first frame, or by this computer's clock where it has none or they jump. A
    lost source is opened again after a growing wait; frames are counted on, and the gap is in their times. Raises
    StreamLostError after `max_reconnects` attempts in a row.
    """

    is_live = True

    def __init__(
        self,
        location: Location,
        selection: Selection,
        options: StreamOptions,
        max_pixels: int,
        container: InputContainer,
    ) -> None:
        super().__init__(selection)
        self._location, self._options, self._max_pixels = location, options, max_pixels
        self._num_decoded = 0
        self._damage = ""  # before the next frame
        self._decoder, self._frames = self._begin(container)
        received, first = next(self._frames)
        self._frames = chain([(received, first)], self._frames)
        stream = self._decoder.stream
        self._converter = FrameConverter(location.text, first, stream.sample_aspect_ratio, max_pixels)
        size, rotation = self._converter.shown_size, self._converter.rotation
        self.info = VideoInfo(location.text, *size, average_fps(None, stream), None, rotation)
        has_times = not is_raw(container) and container.format.name not in _WITHOUT_TIMES
        self._has_times = has_times
        self._clock = LiveClock(1 / self.info.fps if has_times else _LEAST_STEP)

    def _begin(self, container: InputContainer) -> tuple[LiveDecoder, Iterator[ReceivedFrame]]:
        """The frames of a new connection. Raises ConnectionError where it sends no picture, and ValueError."""
        seconds = self._options.read_timeout_seconds
        decoder = LiveDecoder(self._location, container, self._max_pixels, seconds, self._note_damage)
        frames = iter(decoder)
        try:
            return decoder, chain([next(frames)], frames)
        except ConnectionLost as lost:
            raise ConnectionError(f"{self._location.text!r} sent no picture: {lost}") from None

    def _note_damage(self, cause: str) -> None:
        self._damage = self._damage or cause

    def _release(self) -> None:
        self._frames = iter(())
        self._decoder.container.close()

    def _decode(self) -> Iterator[DecodedFrame]:
        while True:
            try:
                yield from self._decode_connection()
            except ConnectionLost as lost:
                cause = str(lost)
            if not self._reconnect(cause):
                return

    def _decode_connection(self) -> Iterator[DecodedFrame]:
        time_base = Fraction(self._decoder.stream.time_base or 0)
        for received, frame in self._frames:
            if self._damage:
                self.faults.append(Fault(self._num_decoded, self._damage))
                self._damage = ""
            self._converter.note_size(frame)
            timestamp = frame.pts * time_base if self._has_times and frame.pts is not None else None
            self._captured = received
            seconds = self._clock.seconds(timestamp, received)
            self._num_decoded += 1
            yield seconds, partial(self._converter, frame)

    def _reconnect(self, cause: str) -> bool:
        """Open the source again; False where the reader was closed meanwhile. Raises StreamLostError."""
        lost, backoff = time.monotonic(), self._options.first_backoff_seconds
        logger.warning("%s was lost at frame %d: %s", self._location.text, self._num_decoded, cause)
        self._decoder.container.close()
        for attempt in range(1, self._options.max_reconnects + 1):
            if self._closed.wait(backoff):
                return False
            backoff = min(2 * backoff, self._options.max_backoff_seconds)
            if self._is_open_again():
                gap = time.monotonic() - lost
                self._damage = f"connection lost for {gap:.1f} s ({cause}); {attempt} attempts to reconnect"
                logger.warning("%s is back after %.1f s", self._location.text, gap)
                return True
        raise StreamLostError(self._location.text, self._num_decoded, cause, self._options.max_reconnects)

    def _is_open_again(self) -> bool:
        container = None
        try:
            container = connect(self._location, self._options)
            self._decoder, self._frames = self._begin(container)
        except (OSError, ValueError) as error:
            logger.debug("%s", error)
            if container is not None:
                container.close()
            return False
        self._clock.restart()
        return True
