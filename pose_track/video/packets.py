"""Opening containers, and checking from the packets whether a file is complete."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import cast

import av
from av.container import Container, InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from pose_track.video.animation_end import has_end
from pose_track.video.local_files import open_local
from pose_track.video.matroska import matroska_size, track_seconds
from pose_track.video.unknown_coding import coding_name

MAX_PLAUSIBLE_FPS = 300  # browsers record webm that claims 1000, its time base; above this the timestamps decide
_FALLBACK_FPS = Fraction(25)
_DEFAULT_STREAM_PIXELS = 5_000_000
_RAW_FORMATS = {"cavsvideo", "h264", "hevc", "m4v", "mpegvideo", "obu", "rawvideo", "vvc"}
_NUM_TIMESTAMPS = 200  # packets that the frame rate is estimated from
_ONE_PICTURE_CODECS = ("h264", "hevc", "vp9", "av1", "libdav1d", "libaom")


def open_container(path: Path) -> InputContainer:
    """Open a video file, see `open_local`. Raises FileNotFoundError, TimeoutError, and ValueError where FFmpeg cannot
    open it."""
    if not path.exists():
        raise FileNotFoundError(f"{str(path)!r} does not exist; check the path")
    with explained_errors(path):
        return open_local(path)


@contextmanager
def explained_errors(source: Path | str) -> Iterator[None]:
    """In this context FFmpeg's errors become ValueErrors in the user's words."""
    try:
        yield
    except av.FFmpegError as error:
        raise ValueError(
            f"{str(source)!r} cannot be opened as a video ({error.strerror}); "
            "check that it is a video file and was copied completely"
        ) from error


def video_stream(container: InputContainer, source: Path | str) -> VideoStream:
    """The video stream that FFmpeg would choose: no cover image, and the one with the most pixels, where the default
    stream counts 5 million more. Raises ValueError where there is none, or FFmpeg has no decoder for it."""
    kinds = av.stream.Disposition
    streams = [stream for stream in container.streams.video if not stream.disposition & kinds.attached_pic]
    if not streams:
        raise ValueError(f"{str(source)!r} has no video stream; give a file with video, not only sound")
    return _with_decoder(max(streams, key=_preference), source)


def _preference(stream: VideoStream) -> tuple[bool, int]:
    """FFmpeg's order of video streams, behind which those of a single picture come, such as unmarked covers."""
    codec = cast(VideoCodecContext | None, stream.codec_context)
    num_pixels = 0 if codec is None else codec.width * codec.height
    is_default = bool(stream.disposition & av.stream.Disposition.default)
    return stream.frames != 1, num_pixels + _DEFAULT_STREAM_PIXELS * is_default


def _with_decoder(stream: VideoStream, source: Path | str) -> VideoStream:
    if cast(object, stream.codec_context) is None:  # though PyAV's types say otherwise
        name = coding_name(Path(source)) if Path(source).is_file() else ""  # a pipe is read once
        coding = f"the coding {name!r}, which" if name else "a coding that"
        remedy = "convert it to H.264 with the program that made it"
        raise ValueError(f"{str(source)!r} has video in {coding} FFmpeg does not know; {remedy}")
    return stream


def is_raw(container: Container) -> bool:
    """Whether a file is a bare stream without times, whose frame rate is at best in its coded data."""
    return container.format.name in _RAW_FORMATS


def average_fps(path: Path | None, stream: VideoStream) -> Fraction:
    """Average frames per second: the container's, or, where that is missing or implausible, that of the first
    timestamps of the file, or 25 for a pipe or stream, which is read once."""
    claimed = stream.guessed_rate if is_raw(stream.container) else stream.average_rate
    if claimed is not None and 0 < claimed <= MAX_PLAUSIBLE_FPS:
        return Fraction(claimed)
    if path is None or not path.is_file():
        return _FALLBACK_FPS
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


_DAMAGED = "its data is damaged or cut off"
_PACKETS_BEFORE_JOINT = 2  # the marked one is among these


class PacketMonitor:
    """Follows the packets of a stream, and reports damaged and missing ones.

    A cut mp4 or avi file has a packet marked as damaged, or fewer packets than its index. A cut Matroska or WebM file
    is shorter than the segment that it declares. Containers that declare neither (MPEG-TS) cannot be checked. In
    codecs whose every packet is one picture, a packet without a picture is lost.

    In MPEG-TS one of the last packets before a joint of two sound files has the mark too. Then the times begin anew.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._path = Path(container.name.removeprefix("file:"))
        self._formats = container.format.name.split(",")
        self._is_marked_at_joints = "mpegts" in self._formats
        self._last_marks = [False] * _PACKETS_BEFORE_JOINT  # latest first
        self._stream = stream
        self._by_dts = uses_dts(container)
        self._num_packets = 0
        self._num_presented = 0
        self._num_frames = 0
        self._num_leading = 0  # packets before the first picture, which belong to a picture before the file's start
        self._num_reported = 0
        self._first_pts: int | None = None
        self._end_pts = 0
        self._counts_pictures = stream.codec_context.name.partition("-")[0] in _ONE_PICTURE_CODECS
        self._packet_times, self._frame_times = _Timeline(), _Timeline()
        self._last_dts: int | None = None
        self._pending: list[tuple[int, int]] = []  # timeline and pts of packets without a picture so far; a heap

    def add(self, packet: av.Packet[VideoStream]) -> str | None:
        """Record a packet, or the flush packet at the end; return the error that it shows, None for none."""
        if is_flush(packet):
            return _DAMAGED if any(self._last_marks) else self._missing()
        self._num_packets += 1
        if not packet.is_discard:
            self._add_presented(packet)
        if self._is_damaged(packet):
            return _DAMAGED
        self._last_dts = packet.dts if packet.dts is not None else self._last_dts
        return None

    def _is_damaged(self, packet: av.Packet[VideoStream]) -> bool:
        """Whether this packet is, or in MPEG-TS the one `_PACKETS_BEFORE_JOINT` before it."""
        if not self._is_marked_at_joints:
            return packet.is_corrupt
        if self._jumps_to(packet):
            self._last_marks = [False] * _PACKETS_BEFORE_JOINT
        *self._last_marks, is_damaged = packet.is_corrupt, *self._last_marks
        return is_damaged

    def _jumps_to(self, packet: av.Packet[VideoStream]) -> bool:
        """Whether the decoding times begin anew with this packet."""
        return packet.dts is not None and self._last_dts is not None and packet.dts < self._last_dts

    def _add_presented(self, packet: av.Packet[VideoStream]) -> None:
        if self._num_presented == 0:
            self._first_pts = packet.pts
        self._num_presented += 1
        if packet.pts is not None and packet.duration:
            self._end_pts = max(self._end_pts, packet.pts + packet.duration)
        if packet.pts is not None and not self._by_dts:
            heapq.heappush(self._pending, (self._packet_times.number(packet.dts), packet.pts))

    def is_next(self, frame: av.VideoFrame) -> bool:
        """Record a decoded frame; return whether it certainly follows the one before it in presentation order.

        It does if it has the smallest pts of the packets read so far, and every later packet has a larger one: no
        packet is presented before its decoding time, and decoding times increase.
        """
        if self._take(frame) or frame.pts is None or self._last_dts is None:
            return False
        return frame.pts <= self._last_dts

    def lost_before(self, frame: av.VideoFrame) -> bool:
        """Record a decoded frame; return whether packets presented between the last one and this gave no picture.

        Not so before the first frame, where pictures may refer to one before the start of the file, and in interlaced
        video, where a packet may be half a picture.
        """
        num_lost = self._take(frame)
        if frame.interlaced_frame:
            self._counts_pictures = False
        if self._num_frames == 1 and frame.pts == self._first_pts:
            self._num_leading = num_lost
            return False
        self._num_reported += num_lost
        return num_lost > 0 and self._counts_pictures

    def _take(self, frame: av.VideoFrame) -> int:
        """Take the packet of a frame and those presented before it; return the number of the latter."""
        self._num_frames += 1
        if frame.pts is None:
            if self._pending:
                heapq.heappop(self._pending)
            return 0
        key = (self._frame_times.number(frame.pts), frame.pts)
        num_lost = 0
        while self._pending and self._pending[0] < key:
            heapq.heappop(self._pending)
            num_lost += 1
        if self._pending and self._pending[0] == key:
            heapq.heappop(self._pending)
        return num_lost

    def num_lost_at_end(self) -> int:
        """How many packets gave no picture and were not reported by `lost_before`, once the decoder is empty."""
        if not self._counts_pictures:
            return 0
        return max(0, self._num_presented - self._num_frames - self._num_leading - self._num_reported)

    def _missing(self) -> str | None:
        """What the container declares but does not hold, once all packets were read; None for a complete file."""
        if "mp4" in self._formats or "avi" in self._formats:
            num_indexed = sum(entry.size > 0 for entry in self._stream.index_entries)
            if self._num_packets < num_indexed:
                return f"the file holds {self._num_packets} of the {num_indexed} packets in its index"
        if "avi" in self._formats and self._num_packets < self._stream.frames:
            return f"the file holds {self._num_packets} of the {self._stream.frames} frames in its header"
        if not self._path.is_file():
            return None
        if not has_end(self._path, self._formats[0]):
            return "the file has no end mark"
        if "matroska" in self._formats:
            declared, size = matroska_size(self._path), self._path.stat().st_size
            if declared is not None and size < declared:
                return f"the file ends at {size} of {declared} bytes"
            return self._missing_seconds()
        return None

    def _missing_seconds(self) -> str | None:
        """Where the packets of a Matroska track end half a packet or more before its length, as the file states it."""
        declared = track_seconds(self._stream)
        if declared is None or not self._end_pts or self._stream.time_base is None:
            return None
        seconds = self._end_pts * Fraction(self._stream.time_base)
        if declared - seconds < seconds / (2 * self._num_presented):
            return None
        return f"the file holds {float(seconds):.3f} of {float(declared):.3f} seconds"


class _Timeline:
    """Numbers the timelines of a stream: where times go back, as in joined files, the next one begins."""

    def __init__(self) -> None:
        self._number = 0
        self._last: int | None = None

    def number(self, time: int | None) -> int:
        """The number of the timeline that a time belongs to, from 0."""
        if time is not None:
            self._number += self._last is not None and time < self._last
            self._last = time
        return self._number


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
