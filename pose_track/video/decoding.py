"""From the packets of a video stream to its frames: on past damage, as FFmpeg decodes, or up to the first damage."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from pose_track.video.packets import PacketMonitor, is_flush, open_container, video_stream
from pose_track.video.source import DecodeError, Fault

logger = logging.getLogger(__name__)

_END = 2**63  # above every pts: a fault after the last frame


def limit_size(stream: VideoStream, max_pixels: int) -> None:
    """Make the decoder refuse larger frames, also where the size changes; call it before the first frame."""
    stream.codec_context.options = {"max_pixels": str(max_pixels)}


class TolerantDecoder:
    """All frames that FFmpeg decodes, in presentation order, whatever is damaged between them; iterate once.

    path: the file; None for what can be read only once, as can a pipe.
    report: called with each Fault, before the first frame at or after it is returned; one for each frame at most.

    Frame threads return frames late and lose some with an error, also without a word. At the first fault the file is
    therefore decoded anew without them, from its start, past the frames that were returned already, at most
    `max_pixels` each.
    """

    def __init__(
        self,
        path: Path | None,
        container: InputContainer,
        stream: VideoStream,
        report: Callable[[Fault], None],
        max_pixels: int,
    ) -> None:
        self._path, self._container, self._stream = path, container, stream
        self._report, self._max_pixels = report, max_pixels
        self._num_returned = 0

    def __iter__(self) -> Iterator[av.VideoFrame]:
        if self._path is None or not self._path.is_file():
            self._stream.thread_type = "SLICE"
            yield from self._frames(self._container, self._stream, stop_at_fault=False)
            return
        self._stream.thread_type = "AUTO"
        try:
            yield from self._frames(self._container, self._stream, stop_at_fault=True)
        except _FaultFound:
            logger.debug("%s: damaged; decoding anew without frame threads", self._path)
            with open_container(self._path) as container:
                stream = video_stream(container, self._path)
                stream.thread_type = "SLICE"
                limit_size(stream, self._max_pixels)
                yield from self._frames(container, stream, stop_at_fault=False)

    def _frames(self, container: InputContainer, stream: VideoStream, stop_at_fault: bool) -> Iterator[av.VideoFrame]:
        """The frames after those that were returned. Raises _FaultFound at a fault, if told to stop there."""
        faults = _Pending(stop_at_fault)
        monitor = PacketMonitor(container, stream)
        index = 0
        for packet in _packets(container, stream, faults):
            error = monitor.add(packet)
            if error is not None:
                faults.add(error, _END if is_flush(packet) else packet.pts)
            for frame in _decode(packet, faults):
                if monitor.lost_before(frame):
                    faults.add("data before it gave no picture", None)
                if frame.is_corrupt:
                    faults.add("its data is damaged", None)
                if index >= self._num_returned:
                    self._report_due(faults.due(frame.pts), index)
                    self._num_returned = index + 1
                    yield frame
                index += 1
        if monitor.num_lost_at_end():
            faults.add(f"{monitor.num_lost_at_end()} packets gave no picture", None)
        self._report_due(faults.all(), index)

    def _report_due(self, causes: list[str], index: int) -> None:
        if causes:
            self._report(Fault(index, causes[0]))


class _FaultFound(Exception):
    """There is damage, past which frame threads cannot be trusted."""


class _Pending:
    """Causes of faults whose first frame has not been decoded yet, with the pts of their packets."""

    def __init__(self, stop_at_fault: bool) -> None:
        self._stop_at_fault = stop_at_fault
        self._causes: list[tuple[int | None, str]] = []

    def add(self, cause: str, pts: int | None) -> None:
        """Raises _FaultFound, if told to stop at a fault."""
        if self._stop_at_fault:
            raise _FaultFound
        self._causes.append((pts, cause))

    def due(self, pts: int | None) -> list[str]:
        """Take the causes that lie at or before a frame."""
        due = [cause for at, cause in self._causes if at is None or pts is None or at <= pts]
        self._causes = [(at, cause) for at, cause in self._causes if not (at is None or pts is None or at <= pts)]
        return due

    def all(self) -> list[str]:
        return self.due(_END)


def _packets(container: InputContainer, stream: VideoStream, faults: _Pending) -> Iterator[av.Packet[VideoStream]]:
    """The packets of a stream; where the container cannot be read on, an empty packet to flush the decoder."""
    flushed = False
    try:
        for packet in container.demux(stream):
            flushed = is_flush(packet)
            yield packet
    except av.FFmpegError as error:
        faults.add(f"the file cannot be read on ({_reason(error)})", None)
    if not flushed:
        flush = cast("av.Packet[VideoStream]", av.Packet())
        flush.stream = stream
        yield flush


def _decode(packet: av.Packet[VideoStream], faults: _Pending) -> list[av.VideoFrame]:
    try:
        return packet.decode()
    except av.FFmpegError as error:
        faults.add(f"its data is damaged ({error.strerror})", packet.pts)
        return []


def _reason(error: av.FFmpegError) -> str:
    is_stalled = isinstance(error, av.error.ExitError)  # PyAV's time limit of a file on the network
    return "nothing came within the time limit" if is_stalled else str(error.strerror)


class StrictDecoder:
    """The intact frames before the first damage, in presentation order, then DecodeError; iterate once.

    source: name of the file in the error.
    """

    def __init__(self, source: str, container: InputContainer, stream: VideoStream) -> None:
        self._source, self._container, self._stream = source, container, stream
        self._monitor = PacketMonitor(container, stream)
        self._num_decoded = 0

    def __iter__(self) -> Iterator[av.VideoFrame]:
        self._stream.thread_type = "AUTO"
        error = None
        try:
            for packet in self._container.demux(self._stream):
                error = self._monitor.add(packet)
                if error is not None:
                    break
                for frame in packet.decode():
                    if self._monitor.lost_before(frame):
                        raise DecodeError(self._source, self._num_decoded, "its data gave no picture")
                    if frame.is_corrupt:
                        raise DecodeError(self._source, self._num_decoded, "its data is damaged")
                    self._num_decoded += 1
                    yield frame
        except av.FFmpegError as raised:
            error = _reason(raised)
        if error is not None:
            yield from self._buffered_frames()
            raise DecodeError(self._source, self._num_decoded, error)
        if self._monitor.num_lost_at_end():
            cause = f"{self._monitor.num_lost_at_end()} packets gave no picture"
            raise DecodeError(self._source, self._num_decoded, cause)

    def _buffered_frames(self) -> Iterator[av.VideoFrame]:
        """After an error: the frames before it that the decoder still holds."""
        try:
            frames = self._stream.codec_context.decode(None)
        except av.FFmpegError as error:
            logger.warning("%s: frames buffered by the decoder are lost: %s", self._source, error.strerror)
            return
        for frame in frames:
            if not self._monitor.is_next(frame) or frame.is_corrupt:
                return
            self._num_decoded += 1
            yield frame
