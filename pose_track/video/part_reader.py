"""A part of a video file, read without decoding what comes before its key frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from pose_track.structures.arrays import IntArray
from pose_track.video.conversion import FrameConverter
from pose_track.video.declared_size import MAX_PIXELS, check_size
from pose_track.video.decoding import limit_size
from pose_track.video.packets import (
    PacketMonitor,
    average_fps,
    explained_errors,
    is_raw,
    open_container,
    presented_timestamps,
    uses_dts,
    video_stream,
)
from pose_track.video.source import DecodedFrame, DecodeError, Selection, VideoInfo, VideoReader

_MARGIN_SECONDS = 1.0  # frames that refer to others before their key frame need those too
_REMEDY = "track it whole, not in parts"


@dataclass(frozen=True)
class VideoTimes:
    """When each frame of a video file is shown.

    timestamps: (F,) of the frames in order, in units of the stream's time base.
    seconds: (F,) seconds since the first frame.
    fps: average frames per second.
    """

    timestamps: IntArray
    time_base: Fraction
    fps: Fraction

    @property
    def seconds(self) -> list[float]:
        origin, time_base = int(self.timestamps[0]), self.time_base
        return [float((t - origin) * time_base) for t in self.timestamps.tolist()]


@dataclass(frozen=True)
class VideoPart:
    """Successive frames of a video file.

    start, stop: indices of the first frame and of the one after the last.
    origin, first, end: timestamps of the video's first frame, of the part's first, and of the one after its last, None
        at the end of the video.
    """

    start: int
    stop: int
    origin: int
    first: int
    end: int | None


def read_times(path: Path) -> VideoTimes:
    """The times of all frames. Reading takes as long as copying the file.

    Raises ValueError for a file whose frames cannot be told by their times: images, AVI and bare streams, or times that
    are missing or repeated; DecodeError where its packets show damage.
    """
    with open_container(path) as container:
        stream = video_stream(container, path)
        if uses_dts(container) or is_raw(container) or stream.time_base is None:
            raise ValueError(f"{str(path)!r} does not state the times of its frames; {_REMEDY}")
        timestamps = list(presented_timestamps(container, stream, PacketMonitor(container, stream)))
        time_base, fps = Fraction(stream.time_base), average_fps(path, stream)
    damage = next((error for error in timestamps if isinstance(error, str)), None)
    if damage is not None:
        raise DecodeError(str(path), len(timestamps) - 1, damage)
    if None in timestamps or len(set(timestamps)) < len(timestamps):
        raise ValueError(f"{str(path)!r} has frames whose time is missing or repeated; {_REMEDY}")
    with open_container(path) as container:
        first = next(iter(container.decode(video_stream(container, path)))).pts
    ordered = np.sort(np.array(timestamps, np.int64))
    return VideoTimes(ordered[ordered >= first], time_base, fps)


def video_part(times: VideoTimes, start: int, stop: int) -> VideoPart:
    """The part with the frames from `start` to before `stop`."""
    timestamps = times.timestamps
    end = int(timestamps[stop]) if stop < len(timestamps) else None
    return VideoPart(start, stop, int(timestamps[0]), int(timestamps[start]), end)


class PartReader(VideoReader):
    """The frames of a part, with the indices, times and images that they have when the whole video is read.

    The video is sought a second before the part and decoded from the key frame there.

    Raises ValueError for a larger video than `max_pixels`, and as `open_container` does; DecodeError, also while it is
    read, where frames are damaged or missing.
    """

    def __init__(self, path: Path, part: VideoPart, max_pixels: int = MAX_PIXELS) -> None:
        super().__init__(Selection())
        self._first_frame = part.start
        self._path, self._part, self._max_pixels = path, part, max_pixels
        with explained_errors(path):
            self._open()
        try:
            with explained_errors(path):
                first = next(self._container.decode(self._stream))
            self._converter = FrameConverter(str(path), first, self._stream.sample_aspect_ratio, max_pixels)
            size, rotation = self._converter.shown_size, self._converter.rotation
            self.info = VideoInfo(str(path), *size, average_fps(path, self._stream), part.stop - part.start, rotation)
            self._frames = self._sought(first)
        except BaseException:
            self._container.close()
            raise

    def _open(self) -> None:
        self._container: InputContainer = open_container(self._path)
        self._stream: VideoStream = video_stream(self._container, self._path)
        self._stream.thread_type = "AUTO"
        codec = self._stream.codec_context
        check_size(str(self._path), (codec.width, codec.height), self._max_pixels)
        limit_size(self._stream, self._max_pixels)

    def _sought(self, first: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """The frames from one at or before the part's first. first: of the video."""
        time_base = Fraction(self._stream.time_base or 1)
        early = self._part.first - int(_MARGIN_SECONDS / time_base)
        if early <= self._part.origin:
            yield first
        else:
            self._container.seek(early, stream=self._stream)
            frame = next(self._container.decode(self._stream), None)
            if frame is not None and frame.pts is not None and frame.pts <= self._part.first:
                yield frame
            else:  # a container without an index, in which seeking leads too far
                self._container.close()
                self._open()
        yield from self._container.decode(self._stream)

    def _decode(self) -> Iterator[DecodedFrame]:
        part, time_base = self._part, Fraction(self._stream.time_base or 1)
        index = part.start
        try:
            for frame in self._frames:
                if frame.pts is not None and frame.pts < part.first:
                    continue
                if frame.pts is None or (part.end is not None and frame.pts >= part.end):
                    break
                if frame.is_corrupt or (index == part.start and frame.pts != part.first):
                    raise self._error(index, "its data is damaged")
                yield (frame.pts - part.origin) * time_base, partial(self._converter, frame)
                index += 1
        except av.FFmpegError as error:
            raise self._error(index, f"its data is damaged ({error.strerror})") from error
        if index != part.stop:
            raise self._error(index, f"the part has {index - part.start} of {part.stop - part.start} frames")

    def _error(self, index: int, cause: str) -> DecodeError:
        return DecodeError(str(self._path), index, f"{cause}; {_REMEDY}")

    def _release(self) -> None:
        self._frames = iter(())
        self._container.close()
