"""Writing a video, by default H.264 that browsers can play, with the frame times and the sound of the source."""

from __future__ import annotations

import heapq
import logging
import os
from collections.abc import Iterator
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from pose_track.structures.arrays import ImageArray
from pose_track.utils.atomic import atomic_path
from pose_track.video.audio import AudioCopy, open_audio
from pose_track.video.encoding import CONTAINERS, Encoding, add_stream, encoded_frame
from pose_track.video.fragments import cut_to_whole_fragments
from pose_track.video.h264 import ticks_per_second
from pose_track.video.local_files import file_url

logger = logging.getLogger(__name__)

_MAX_RATE_NUMERATOR = 1_000_000
MAX_SIDE = 16_384
"""Pixels of the longer side of a frame, at most: what the encoder takes."""

_FRAGMENT_MICROSECONDS = 500_000
# Each fragment plays without those after it, so that a killed run leaves a video; see ISO/IEC 14496-12, 8.8.
_FRAGMENTED = {
    "movflags": "+frag_keyframe+empty_moov+delay_moov+default_base_moof",
    "frag_duration": str(_FRAGMENT_MICROSECONDS),
    "flush_packets": "1",
}
_SEEKABLE = {"movflags": "+faststart"}
_INDEXED = ("mp4", "mov")  # their index is at one place; other containers can be played from any part
_DEFAULT = Encoding()


class VideoWriter:
    """Writes a video, BT.709, an mp4 or mov with its index at the front; a context manager.

    path: the file; it appears, or is replaced, when the writer is closed. Until then the data are in `<path>.partial`,
        in fragments of half a second, which can be played at any time.
    width, height: pixels of the images. The codecs need even sizes, so the last row or column of an odd one is
        repeated.
    fps: average frames per second.
    encoding: codec, quality, size and sound; by default H.264, yuv420p, without sound. Its rate has no effect here,
        see `ConstantRate`.

    After an error in the `with` body, the frames written so far become a valid file, and the error is raised. Raises
    ValueError for another file suffix or codec, see `Encoding`, a size beyond MAX_SIDE, a size or rate not above 0, or
    no frame at all;
    FileNotFoundError where the folder does not exist; OSError where a frame cannot be written. Where there is no space
    for the index, the file stays in fragments, with a warning.
    """

    def __init__(self, path: str | Path, width: int, height: int, fps: Fraction, encoding: Encoding = _DEFAULT) -> None:
        self._path = Path(path)
        _check(self._path, width, height, fps)
        self._encoding, self._encoder = encoding, encoding.encoder(self._path.suffix)
        self._size = encoding.size(width, height)
        if fps.numerator > _MAX_RATE_NUMERATOR:
            fps = fps.limit_denominator(1001)
        self._width, self._height = width, height
        self._step = 1 / fps
        self._time_base = Fraction(1, ticks_per_second(fps))
        self._partial = self._path.with_name(self._path.name + ".partial")
        self._first_seconds: float | None = None
        self._last_tick = -1
        self._closed = False
        self.num_frames = 0
        self._open(fps)

    def _open(self, fps: Fraction) -> None:
        self._format, _ = CONTAINERS[self._path.suffix.lower()]
        options = _FRAGMENTED if self._format in _INDEXED else {}
        self._container = av.open(file_url(self._partial), "w", format=self._format, options=options)
        self._stream = add_stream(self._container, self._encoder, self._encoding, self._size, fps)

    def write(self, image: ImageArray, pts_seconds: float | None = None) -> None:
        """Add a frame.

        image: (height, width, 3) uint8 RGB; (height, width, 4), with its opacity, where the encoding has alpha.
        pts_seconds: its presentation time; the first frame's becomes 0. None: one frame after the last.

        Raises ValueError for another shape, a time that is not after the last one, or a closed writer.
        """
        expected = (self._height, self._width, 4 if self._encoding.alpha else 3)
        if image.shape != expected or image.dtype != np.uint8:
            raise ValueError(f"image must be uint8 of shape {expected}, got {image.dtype} of shape {image.shape}")
        if self._closed:
            raise ValueError(f"the writer of {str(self._path)!r} is closed; open another one")
        assert self._stream.pix_fmt is not None
        frame = encoded_frame(image, self._size, self._stream.pix_fmt)
        frame.pts, frame.time_base = self._next_tick(pts_seconds), self._time_base
        frame.duration = self._num_ticks(self._step)  # matters for the last frame only
        self._mux(frame)
        self._last_tick = frame.pts
        self.num_frames += 1

    def _next_tick(self, pts_seconds: float | None) -> int:
        if pts_seconds is None:
            return 0 if self.num_frames == 0 else self._last_tick + self._num_ticks(self._step)
        if self._first_seconds is None:
            self._first_seconds = pts_seconds - self._next_seconds()
        tick = self._num_ticks(pts_seconds - self._first_seconds)
        if tick <= self._last_tick:
            last = float(self._last_tick * self._time_base) + self._first_seconds
            raise ValueError(f"frame times must increase, got {pts_seconds!r} after {last!r} seconds")
        return tick

    def _next_seconds(self) -> float:
        """The time of the next frame where none is given."""
        return 0.0 if self.num_frames == 0 else float(self._last_tick * self._time_base + self._step)

    def _num_ticks(self, seconds: float | Fraction) -> int:
        return round(seconds / self._time_base)

    def close(self) -> None:
        """Finish the file and rename it to `path`. Raises ValueError, and leaves no file, if no frame was written."""
        if self._finish() == 0:
            raise ValueError(f"no frame was written to {str(self._path)!r}; give at least one")

    def _mux(self, frame: av.VideoFrame | None) -> None:
        """Encode a frame, or with None those that the encoder still holds. Raises OSError where this fails."""
        try:
            self._container.mux(self._stream.encode(frame))
        except av.FFmpegError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from error

    def _finish(self) -> int:
        """Finish the file; return its number of frames. A second call has no effect."""
        if self._closed:
            return self.num_frames
        self._closed = True
        try:
            if self.num_frames:
                self._mux(None)
        finally:
            self._close_container()
            if self.num_frames and self._partial.exists():
                self._publish()
            self._partial.unlink(missing_ok=True)  # FFmpeg creates it with the first packet
        return self.num_frames

    def _close_container(self) -> None:
        try:
            self._container.close()
        except av.FFmpegError as error:  # the fragments before are complete
            logger.warning("%s: its last frames could not be written: %s", self._path, error.strerror)

    def _publish(self) -> None:
        """Copy what was written into a file with the sound, and with one index at its front; or keep it as it is where
        that fails."""
        if self._format in _INDEXED and not cut_to_whole_fragments(self._partial):
            return
        audio = open_audio(self._encoding.audio)
        if audio is None and self._format not in _INDEXED:
            os.replace(self._partial, self._path)
            return
        try:
            with nullcontext() if audio is None else audio, atomic_path(self._path) as whole:
                _copy_packets(self._partial, whole, self._format, audio, Fraction(self._first_seconds or 0))
        except (OSError, av.FFmpegError) as error:
            logger.warning("%s has no sound, or no index and is slow to search: %s", self._path, error.strerror)
            os.replace(self._partial, self._path)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        elif self._finish():
            logger.warning("%s holds only the %d frames before the error", self._path, self.num_frames)


def _copy_packets(written: Path, whole: Path, container: str, audio: AudioCopy | None, start: Fraction) -> None:
    """The same packets with one index, and the sound beside them. start: of the sound, see `AudioCopy.packets`."""
    options = _SEEKABLE if container in _INDEXED else {}
    with (
        av.open(file_url(written)) as source,
        av.open(file_url(whole), "w", format=container, options=options) as target,
    ):
        video = source.streams.video[0]
        stream = target.add_stream_from_template(video, opaque=True)  # whatever the decoder of its codec
        stream.time_base = video.time_base
        packets: list[Iterator[tuple[Fraction, Packet[Any]]]] = [_timed_packets(source, stream)]
        if audio is not None:
            end = start + Fraction(source.duration or 0, av.time_base)
            audio.add_stream(target, container)
            packets.append(audio.packets(start, end))
        for _, packet in heapq.merge(*packets, key=lambda timed: timed[0]):
            target.mux(packet)


def _timed_packets(source: InputContainer, stream: VideoStream) -> Iterator[tuple[Fraction, Packet[Any]]]:
    """The packets of a video, each with its time of decoding in seconds, for the stream of another container."""
    for packet in source.demux(source.streams.video[0]):
        if packet.dts is not None:  # the last packet only marks the end
            packet.stream = stream
            yield packet.dts * packet.time_base, packet


def _check(path: Path, width: int, height: int, fps: Fraction) -> None:
    if path.suffix.lower() not in CONTAINERS:
        raise ValueError(f"{str(path)!r} must end in one of {', '.join(CONTAINERS)}")
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise ValueError(f"width and height must be from 1 to {MAX_SIDE}, got {width}x{height}")
    if fps <= 0:
        raise ValueError(f"fps must be above 0, got {fps!r}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"folder {str(path.parent)!r} does not exist; create it first")
