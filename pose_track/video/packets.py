"""Opening a container, and telling from its packets whether it is whole."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

MAX_PLAUSIBLE_FPS = 300  # browsers record webm that claims 1000, its time base; above this the stamps decide
_FALLBACK_FPS = Fraction(25)
_NUM_STAMPS = 200
_DURATION_SLACK_SECONDS = 0.5


def open_container(path: Path) -> InputContainer:
    """Open a video file. Raises FileNotFoundError, or ValueError where FFmpeg knows no such file."""
    if not path.exists():
        raise FileNotFoundError(f"{str(path)!r} does not exist; check the path")
    try:
        return av.open(str(path), metadata_errors="replace")
    except av.FFmpegError as error:
        raise ValueError(
            f"{str(path)!r} cannot be opened as a video ({error.strerror}); "
            "check that it is a video file and was copied as a whole"
        ) from error


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first video stream that is not a cover picture. Raises ValueError where there is none."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    raise ValueError(f"{str(path)!r} has no video stream; give a file that shows pictures, not only sound")


def average_fps(path: Path, stream: VideoStream) -> Fraction:
    """Average frames per second: the container's, or that of the first stamps where it is absent or absurd."""
    claimed = stream.average_rate
    if claimed is not None and 0 < claimed <= MAX_PLAUSIBLE_FPS:
        return Fraction(claimed)
    with open_container(path) as container:
        stream = video_stream(container, path)
        stamps = sorted(p.pts for p in islice(container.demux(stream), _NUM_STAMPS) if p.pts is not None)
    if len(stamps) < 2 or stamps[0] == stamps[-1] or stream.time_base is None:
        return _FALLBACK_FPS
    seconds = (stamps[-1] - stamps[0]) * Fraction(stream.time_base)
    return Fraction((len(stamps) - 1) / seconds).limit_denominator(1001)


def is_end(packet: av.Packet[VideoStream]) -> bool:
    """Whether this is the empty packet that PyAV gives after the last one, to empty the decoder."""
    return packet.size == 0 and packet.dts is None


class PacketWatch:
    """Follows the packets of a stream to tell what is missing.

    A cut mp4 or avi has a packet marked as damaged or fewer packets than its index; a cut Matroska or WebM file ends
    before the duration it declares. Containers that declare nothing (MPEG-TS) cannot be told from whole ones.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._formats = container.format.name.split(",")
        self._stream = stream
        self._num_packets = 0
        self._end = 0
        self._last_dts: int | None = None
        self._awaited: list[int] = []  # stamps of packets whose frames have not come out of the decoder yet

    def fault(self, packet: av.Packet[VideoStream]) -> str | None:
        """Take note of a packet of the file; what is wrong with it, None for a sound one."""
        self._num_packets += 1
        if packet.is_corrupt:
            return "its data is damaged or cut off"
        self._last_dts = packet.dts if packet.dts is not None else self._last_dts
        stamp = packet.pts if packet.pts is not None else packet.dts
        self._end = max(self._end, (stamp or 0) + (packet.duration or 0))
        if packet.pts is not None and not packet.is_discard:
            heapq.heappush(self._awaited, packet.pts)
        return None

    def came_out(self, frame: av.VideoFrame) -> bool:
        """Take note of a decoded frame; whether it is surely the next one to be shown.

        Surely: it is the earliest of the packets seen, and those not seen yet come later, for a packet is not shown
        before its decoding time and those increase.
        """
        expected = self._awaited[0] if self._awaited else None
        while self._awaited and (frame.pts is None or self._awaited[0] <= frame.pts):
            heapq.heappop(self._awaited)
            if frame.pts is None:
                break
        if frame.pts is None or self._last_dts is None:
            return False
        return frame.pts == expected and frame.pts <= self._last_dts

    def missing(self) -> str | None:
        """What the container declares and did not give, once all packets were seen; None for a whole file."""
        if "mp4" in self._formats or "avi" in self._formats:
            num_indexed = sum(entry.size > 0 for entry in self._stream.index_entries)
            if self._num_packets < num_indexed:
                return f"the file gives {self._num_packets} of the {num_indexed} packets in its index"
        declared, ended = self._declared_seconds(), float(self._end * (self._stream.time_base or 0))
        if declared is not None and ended < declared - _DURATION_SLACK_SECONDS:
            return f"the file ends at {ended:.2f} of {declared:.2f} seconds"
        return None

    def _declared_seconds(self) -> float | None:
        if "avi" in self._formats and self._stream.frames and self._stream.average_rate:
            return float(self._stream.frames / self._stream.average_rate)
        if "matroska" not in self._formats:
            return None
        return _clock_seconds(self._stream.metadata.get("DURATION", ""))


def _clock_seconds(text: str) -> float | None:
    """
    >>> _clock_seconds("00:01:06.500000000")
    66.5
    """
    try:
        hours, minutes, seconds = (float(part) for part in text.split(":"))
    except ValueError:  # another program's way of writing it: then the file declares nothing that can be checked
        return None
    return hours * 3600 + minutes * 60 + seconds


def uses_decode_stamps(container: InputContainer) -> bool:
    """Whether frame times come from decoding stamps: AVI has no presentation stamps, FFmpeg guesses them wrongly
    where there are B-frames, and its decoding stamps count the frames."""
    return "avi" in container.format.name.split(",")


def shown_stamps(container: InputContainer, stream: VideoStream, watch: PacketWatch) -> Iterator[int | str | None]:
    """The stamp of each shown packet in file order, and in the end what is wrong with the file, if anything is."""
    by_decoding = uses_decode_stamps(container)
    for packet in container.demux(stream):
        fault = watch.missing() if is_end(packet) else watch.fault(packet)
        if fault is not None:
            yield fault
            return
        if not is_end(packet) and not packet.is_discard:
            yield packet.dts if by_decoding else packet.pts
