"""Frames of a video in any order: by seeking where a file allows it, otherwise by decoding from its start."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path

import av

from pose_track.structures.arrays import ImageArray
from pose_track.video.conversion import FrameConverter
from pose_track.video.declared_size import MAX_PIXELS
from pose_track.video.decoding import limit_size
from pose_track.video.image_reader import IMAGE_SUFFIXES
from pose_track.video.packets import explained_errors, is_raw, open_container, uses_dts, video_stream
from pose_track.video.reader import open_video
from pose_track.video.source import DecodeError

logger = logging.getLogger(__name__)

TimedImage = tuple[float, Callable[[], ImageArray | None]]
"""The time of a frame in seconds, as in its record, and a function that converts it; None for a damaged one."""

_MARGIN_SECONDS = 1.0  # frames that refer to others before their key frame need those too


class RandomAccessVideo:
    """A video file or a folder of images whose frames can be read from any time on.

    fps: frames per second of a folder of images; None for the default.
    can_seek: whether the frames before a time can be left out; where not, they are decoded, but not converted.
    """

    def __init__(self, path: Path, fps: Fraction | None = None) -> None:
        self._path = path
        self._image_fps = fps if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES else None
        self.can_seek = path.is_file() and path.suffix.lower() not in IMAGE_SUFFIXES and self._has_times()

    def _has_times(self) -> bool:
        """Whether the container states when each frame is shown."""
        with open_container(self._path) as container:
            return not (uses_dts(container) or is_raw(container))

    def frames_from(self, seconds: float) -> Iterator[TimedImage]:
        """The frames in order, from one at or before `seconds` on. Raises as `open_video` does, but for damage."""
        return self._after_seeking(seconds) if self.can_seek else self._from_start()

    def _from_start(self) -> Iterator[TimedImage]:
        with open_video(self._path, fps=self._image_fps) as reader:
            try:
                for lazy in reader.lazy_frames():
                    yield lazy.pts_seconds, lazy.convert
            except DecodeError as error:
                logger.debug("%s", error)  # the frames that are there were read

    def _after_seeking(self, seconds: float) -> Iterator[TimedImage]:
        with explained_errors(self._path):
            container = open_container(self._path)
        with closing(container):
            stream = video_stream(container, self._path)
            stream.thread_type = "AUTO"  # a key frame can be hundreds of frames away
            limit_size(stream, MAX_PIXELS)
            first = next(iter(container.decode(stream)))
            convert = FrameConverter(str(self._path), first, stream.sample_aspect_ratio, MAX_PIXELS)
            origin, time_base = first.pts or 0, Fraction(stream.time_base or 1)
            early = max(0.0, seconds - _MARGIN_SECONDS)
            container.seek(origin + int(early / time_base), stream=stream)
            for frame in chain(_decoded(container, stream)):
                if frame.pts is not None:
                    yield float((frame.pts - origin) * time_base), partial(convert, frame)


def _decoded(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """The frames until the end, past packets that cannot be decoded."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.FFmpegError as error:
            logger.debug("left out: %s", error)
