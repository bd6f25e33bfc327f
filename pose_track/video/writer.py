"""Writing H.264 video that browsers can play, with the frame times of the source."""

from __future__ import annotations

import logging
import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np

from pose_track.structures.arrays import ImageArray
from pose_track.utils.atomic import atomic_path
from pose_track.video.fragments import cut_to_whole_fragments
from pose_track.video.h264 import add_h264_stream, ticks_per_second, yuv_frame
from pose_track.video.local_files import file_url

logger = logging.getLogger(__name__)

_CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov"}
_MAX_RATE_NUMERATOR = 1_000_000
MAX_SIDE = 16_384
"""Pixels of the longer side of a frame, at most: what the encoder takes."""

_CODEC_OPTIONS = {"crf": "20", "preset": "superfast"}
_FRAGMENT_MICROSECONDS = 500_000
# Each fragment plays without those after it, so that a killed run leaves a video; see ISO/IEC 14496-12, 8.8.
_FRAGMENTED = {
    "movflags": "+frag_keyframe+empty_moov+delay_moov+default_base_moof",
    "frag_duration": str(_FRAGMENT_MICROSECONDS),
    "flush_packets": "1",
}
_SEEKABLE = {"movflags": "+faststart"}


class VideoWriter:
    """Writes an H.264 mp4 or mov, yuv420p, BT.709, with its index at the front; a context manager.

    path: the file; it appears, or is replaced, when the writer is closed. Until then the data are in `<path>.partial`,
        in fragments of half a second, which can be played at any time.
    width, height: pixels of the images. The codec needs even sizes, so the last row or column of an odd one is
        repeated.
    fps: average frames per second.

    After an error in the `with` body, the frames written so far become a valid file, and the error is raised. Raises
    ValueError for another file suffix, a size beyond MAX_SIDE, a size or rate not above 0, or no frame at all;
    FileNotFoundError where the folder does not exist; OSError where a frame cannot be written. Where there is no space
    for the index, the file stays in fragments, with a warning.
    """

    def __init__(self, path: str | Path, width: int, height: int, fps: Fraction) -> None:
        self._path = Path(path)
        _check(self._path, width, height, fps)
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
        self._format = _CONTAINERS[self._path.suffix.lower()]
        self._container = av.open(file_url(self._partial), "w", format=self._format, options=_FRAGMENTED)
        self._stream = add_h264_stream(self._container, self._width, self._height, fps, _CODEC_OPTIONS)

    def write(self, image: ImageArray, pts_seconds: float | None = None) -> None:
        """Add a frame.

        image: (height, width, 3) uint8 RGB.
        pts_seconds: its presentation time; the first frame's becomes 0. None: one frame after the last.

        Raises ValueError for another shape, a time that is not after the last one, or a closed writer.
        """
        if image.shape != (self._height, self._width, 3) or image.dtype != np.uint8:
            expected = (self._height, self._width, 3)
            raise ValueError(f"image must be uint8 of shape {expected}, got {image.dtype} of shape {image.shape}")
        if self._closed:
            raise ValueError(f"the writer of {str(self._path)!r} is closed; open another one")
        frame = yuv_frame(image)
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
            if self.num_frames and self._partial.exists() and cut_to_whole_fragments(self._partial):
                self._make_seekable()
            self._partial.unlink(missing_ok=True)  # FFmpeg creates it with the first packet
        return self.num_frames

    def _close_container(self) -> None:
        try:
            self._container.close()
        except av.FFmpegError as error:  # the fragments before are complete
            logger.warning("%s: its last frames could not be written: %s", self._path, error.strerror)

    def _make_seekable(self) -> None:
        """Copy the fragments into a file with one index at its front, or keep them where that fails."""
        try:
            with atomic_path(self._path) as seekable:
                _copy_packets(self._partial, seekable, self._format)
        except (OSError, av.FFmpegError) as error:
            logger.warning("%s has no index and is slow to search: %s", self._path, error.strerror)
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


def _copy_packets(fragmented: Path, seekable: Path, container: str) -> None:
    """The same packets with one index."""
    with (
        av.open(file_url(fragmented)) as source,
        av.open(file_url(seekable), "w", format=container, options=_SEEKABLE) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.time_base = source.streams.video[0].time_base
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:  # the last packet only marks the end
                packet.stream = stream
                target.mux(packet)


def _check(path: Path, width: int, height: int, fps: Fraction) -> None:
    if path.suffix.lower() not in _CONTAINERS:
        raise ValueError(f"{str(path)!r} must end in one of {', '.join(_CONTAINERS)}")
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise ValueError(f"width and height must be from 1 to {MAX_SIDE}, got {width}x{height}")
    if fps <= 0:
        raise ValueError(f"fps must be above 0, got {fps!r}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"folder {str(path.parent)!r} does not exist; create it first")
