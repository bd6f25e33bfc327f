"""Opening containers, and checking from the packets whether a file is complete."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

MAX_PLAUSIBLE_FPS = 300  # browsers record webm that claims 1000, its time base; above this the timestamps decide
_FALLBACK_FPS = Fraction(25)
_NUM_TIMESTAMPS = 200  # packets that the frame rate is estimated from
_DURATION_TOLERANCE_SECONDS = 0.5


def open_container(path: Path) -> InputContainer:
    """Open a video file. Raises FileNotFoundError, and ValueError where FFmpeg cannot open it."""
    if not path.exists():
        raise FileNotFoundError(f"{str(path)!r} does not exist; check the path")
    try:
        return av.open(str(path), metadata_errors="replace")
    except av.FFmpegError as error:
        raise ValueError(
            f"{str(path)!r} cannot be opened as a video ({error.strerror}); "
            "check that it is a video file and was copied completely"
        ) from error


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first video stream that is not a cover image. Raises ValueError where there is none."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    raise ValueError(f"{str(path)!r} has no video stream; give a file with video, not only sound")


def average_fps(path: Path, stream: VideoStream) -> Fraction:
    """Average frames per second: the container's, or, where that is missing or implausible, that of the first
    timestamps."""
    claimed = stream.average_rate
    if claimed is not None and 0 < claimed <= MAX_PLAUSIBLE_FPS:
        return Fraction(claimed)
    with open_container(path) as container:
        stream = video_stream(container, path)
        timestamps = sorted(p.pts for p in islice(container.demux(stream), _NUM_TIMESTAMPS) if p.pts is not None)
    if len(timestamps) < 2 or timestamps[0] == timestamps[-1] or stream.time_base is None:
        return _FALLBACK_FPS
    seconds = (timestamps[-1] - timestamps[0]) * Fraction(stream.time_base)
    return Fraction((len(timestamps) - 1) / seconds).limit_denominator(1001)


def is_flush(packet: av.Packet[VideoStream]) -> bool:
    """Whether this is the empty packet after the last one, with which PyAV flushes the decoder."""
    return packet.size == 0 and packet.dts is None


class PacketMonitor:
    """Follows the packets of a stream, and reports damaged and missing ones.

    A cut mp4 or avi file has a packet marked as damaged, or fewer packets than its index. A cut Matroska or WebM file
    ends before the duration it declares. Containers that declare neither (MPEG-TS) cannot be checked.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._formats = container.format.name.split(",")
        self._stream = stream
        self._num_packets = 0
        self._end = 0
        self._last_dts: int | None = None
        self._pending_pts: list[int] = []  # of packets whose frames the decoder has not returned yet; a heap

    def add(self, packet: av.Packet[VideoStream]) -> str | None:
        """Record a packet, or the flush packet at the end; return the error that it shows, None for none."""
        if is_flush(packet):
            return self._missing()
        self._num_packets += 1
        if packet.is_corrupt:
            return "its data is damaged or cut off"
        self._last_dts = packet.dts if packet.dts is not None else self._last_dts
        timestamp = packet.pts if packet.pts is not None else packet.dts
        self._end = max(self._end, (timestamp or 0) + (packet.duration or 0))
        if packet.pts is not None and not packet.is_discard:
            heapq.heappush(self._pending_pts, packet.pts)
        return None

    def is_next(self, frame: av.VideoFrame) -> bool:
        """Record a decoded frame; return whether it certainly follows the one before it in presentation order.

        It does if it has the smallest pts of the packets read so far, and every later packet has a larger one: no
        packet is presented before its decoding time, and decoding times increase.
        """
        expected = self._pending_pts[0] if self._pending_pts else None
        while self._pending_pts and (frame.pts is None or self._pending_pts[0] <= frame.pts):
            heapq.heappop(self._pending_pts)
            if frame.pts is None:
                break
        if frame.pts is None or self._last_dts is None:
            return False
        return frame.pts == expected and frame.pts <= self._last_dts

    def _missing(self) -> str | None:
        """What the container declares but does not hold, once all packets were read; None for a complete file."""
        if "mp4" in self._formats or "avi" in self._formats:
            num_indexed = sum(entry.size > 0 for entry in self._stream.index_entries)
            if self._num_packets < num_indexed:
                return f"the file holds {self._num_packets} of the {num_indexed} packets in its index"
        declared, ended = self._declared_seconds(), float(self._end * (self._stream.time_base or 0))
        if declared is not None and ended < declared - _DURATION_TOLERANCE_SECONDS:
            return f"the file ends at {ended:.2f} of {declared:.2f} seconds"
        return None

    def _declared_seconds(self) -> float | None:
        if "avi" in self._formats and self._stream.frames and self._stream.average_rate:
            return float(self._stream.frames / self._stream.average_rate)
        if "matroska" not in self._formats:
            return None
        return _parse_duration(self._stream.metadata.get("DURATION", ""))


def _parse_duration(text: str) -> float | None:
    """Seconds of a duration in hours, minutes and seconds; None where it is written in another way.

    >>> _parse_duration("00:01:06.500000000")
    66.5
    """
    try:
        hours, minutes, seconds = (float(part) for part in text.split(":"))
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds


def uses_dts(container: InputContainer) -> bool:
    """Whether frame times come from decoding timestamps.

    AVI has no presentation timestamps, and FFmpeg guesses them wrongly where there are B-frames. Its decoding
    timestamps count the frames.
    """
    return "avi" in container.format.name.split(",")


def presented_timestamps(
    container: InputContainer, stream: VideoStream, monitor: PacketMonitor
) -> Iterator[int | str | None]:
    """The timestamp of each presented packet in file order; last, as text, the error of the file, if it has one."""
    by_dts = uses_dts(container)
    for packet in container.demux(stream):
        error = monitor.add(packet)
        if error is not None:
            yield error
            return
        if not is_flush(packet) and not packet.is_discard:
            yield packet.dts if by_dts else packet.pts
