"""From one connection to a live source to its frames, each with the time at which its data arrived."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, cast

import av
from av.codec.context import Flags
from av.container import InputContainer

from pose_track.video.decoding import limit_size
from pose_track.video.locations import Location
from pose_track.video.packets import is_flush, video_stream

_AnyPacket: TypeAlias = "av.Packet[Any]"


class ConnectionLost(Exception):
    """A live source sends no more; the text says why."""


class LiveDecoder:
    """The frames of a connection as they come, with the time by `time.monotonic` at which their data arrived.

    report: called with the cause of each damage, before the next frame is returned; not before the first frame, as a
        connection may begin in the middle of a stream.
    read_timeout_seconds: after which a source that sends no picture is lost.

    Iterate once; it ends with ConnectionLost. Raises ValueError where the source has no video.
    """

    def __init__(
        self,
        location: Location,
        container: InputContainer,
        max_pixels: int,
        read_timeout_seconds: float,
        report: Callable[[str], None],
    ) -> None:
        self.container = container
        self.stream = video_stream(container, location.text)
        self.stream.thread_type = "SLICE"  # frame threads return each frame some frames late
        limit_size(self.stream, max_pixels)
        self.stream.codec_context.flags |= Flags.copy_opaque  # low_delay would return B-frames in the wrong order
        self._read_timeout_seconds = read_timeout_seconds
        self._report = report
        self._num_frames = 0
        self._last = time.monotonic()  # when there was a picture, or somebody wanted the next one

    def __iter__(self) -> Iterator[tuple[float, av.VideoFrame]]:
        for packet in self._packets():
            now = time.monotonic()
            if packet.stream_index == self.stream.index:
                if not is_flush(packet):
                    packet.opaque = now
                for frame in self._decoded(packet):
                    self._num_frames += 1
                    yield cast(float, frame.opaque or now), frame
                    self._last = time.monotonic()
            if now - self._last > self._read_timeout_seconds:
                raise ConnectionLost(f"it sent no picture for {self._read_timeout_seconds:g} seconds")
        raise ConnectionLost("it ended")

    def _packets(self) -> Iterator[_AnyPacket]:
        """Of all streams, so that it is noticed where only sound goes on."""
        packets, asked = self.container.demux(), time.monotonic()
        try:
            for packet in packets:
                yield packet
                asked = time.monotonic()
        except av.FFmpegError as error:  # of a time-out RTSP makes an error of its own
            is_stalled = time.monotonic() - asked >= self._read_timeout_seconds
            cause = f"it sent nothing for {self._read_timeout_seconds:g} seconds" if is_stalled else error.strerror
            raise ConnectionLost(str(cause)) from None

    def _decoded(self, packet: _AnyPacket) -> Iterator[av.VideoFrame]:
        if packet.is_corrupt:
            self._report_damage("some of its data was lost")
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            self._report_damage(f"its data is damaged ({error.strerror})")
            return
        for frame in frames:
            if frame.is_corrupt:
                self._report_damage("its data is damaged")
            yield frame

    def _report_damage(self, cause: str) -> None:
        if self._num_frames:
            self._report(cause)
