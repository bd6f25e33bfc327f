"""Video files decoded by PyAV, which contains FFmpeg's libraries."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from numpy.typing import NDArray

from pose_track.structures.arrays import ImageArray
from pose_track.video.packets import PacketMonitor, average_fps, open_container, uses_dts, video_stream
from pose_track.video.source import DecodedFrame, DecodeError, FrameClock, Selection, VideoInfo, VideoReader

logger = logging.getLogger(__name__)


class PyAvReader(VideoReader):
    """Decodes a video file on all cores. Raises as `open_video` does."""

    def __init__(self, path: Path, selection: Selection) -> None:
        super().__init__(selection)
        self._source = str(path)
        self._container = open_container(path)
        self._num_decoded = 0
        try:
            self._stream = video_stream(self._container, path)
            self._stream.thread_type = "AUTO"
            self._monitor = PacketMonitor(self._container, self._stream)
            self._by_dts = uses_dts(self._container)
            frames = self._frames()
            first = next(frames, None)
            if first is None:
                raise ValueError(f"{self._source!r} has no frame that can be decoded; check that it is complete")
            self.info = self._describe(path, first)
            self._matrix = display_matrix(first)
            self._decoded: Iterator[av.VideoFrame] = chain([first], frames)
        except BaseException:
            self._container.close()
            raise

    def close(self) -> None:
        super().close()
        self._container.close()
        self._decoded = iter(())  # break the reference cycle with this reader, which holds the decoder's memory

    def _describe(self, path: Path, frame: av.VideoFrame) -> VideoInfo:
        height, width = (frame.width, frame.height) if frame.rotation % 180 else (frame.height, frame.width)
        fps, num_frames = average_fps(path, self._stream), self._stream.frames or None
        return VideoInfo(self._source, width, height, fps, num_frames, -round(frame.rotation / 90) * 90 % 360)

    def _decode(self) -> Iterator[DecodedFrame]:
        clock, time_base = FrameClock(1 / self.info.fps), Fraction(self._stream.time_base or 0)
        for frame in self._decoded:
            timestamp = frame.dts if self._by_dts else frame.pts
            seconds = clock.seconds(None if timestamp is None else timestamp * time_base)
            yield seconds, partial(self._image, frame)
        if clock.repaired and not self._by_dts:  # the decoder returns the last frames of an AVI without timestamps
            logger.warning("%s: %d frame times missing or not increasing, filled in", self._source, clock.repaired)

    def _image(self, frame: av.VideoFrame) -> ImageArray:
        stored = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
        image = np.ascontiguousarray(orient(stored, self._matrix))
        if image.shape[:2] != (self.info.height, self.info.width):
            raise DecodeError(
                self._source,
                self._num_decoded - 1,
                f"the frame size changes from {self.info.width}x{self.info.height} "
                f"to {image.shape[1]}x{image.shape[0]}",
            )
        return image

    def _frames(self) -> Iterator[av.VideoFrame]:
        """Intact frames in presentation order; then DecodeError where the file is damaged."""
        error = None
        try:
            for packet in self._container.demux(self._stream):
                error = self._monitor.add(packet)
                if error is not None:
                    break
                for frame in packet.decode():
                    self._monitor.is_next(frame)
                    if frame.is_corrupt:
                        raise DecodeError(self._source, self._num_decoded, "its data is damaged")
                    self._num_decoded += 1
                    yield frame
        except av.FFmpegError as raised:
            error = raised.strerror
        if error is not None:
            yield from self._buffered_frames()
            raise DecodeError(self._source, self._num_decoded, error)

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


def display_matrix(frame: av.VideoFrame) -> NDArray[np.int32]:
    """(2, 2) matrix that maps a stored point to the displayed one, see `orient`; the identity where it is missing.

    Read it from one frame only: reading it keeps the frame's memory until the garbage collector runs.
    """
    side_data = cast(Mapping[SideDataType, SideData], frame.side_data)
    if SideDataType.DISPLAYMATRIX not in side_data:
        return np.eye(2, dtype=np.int32)
    matrix: NDArray[np.int32] = np.frombuffer(bytes(side_data[SideDataType.DISPLAYMATRIX]), np.int32).reshape(3, 3)
    return matrix[:2, :2]


def orient(image: ImageArray, matrix: NDArray[np.int32]) -> ImageArray:
    """Rotate and mirror an image by the nearest of the eight orientations.

    image: (H, W, 3).
    matrix: (2, 2), FFmpeg's display matrix: a stored point (x, y) is displayed at (x, y) @ matrix.

    >>> image = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    >>> orient(image, np.array([[0, 1], [-1, 0]], np.int32))[:, 0, 0].tolist()  # 90 degrees clockwise: left is on top
    [0, 3]
    """
    (a, b), (c, d) = matrix.tolist()
    is_transposed = abs(b) > abs(a)
    x_scale, y_scale = (c, b) if is_transposed else (a, d)
    if is_transposed:
        image = image.swapaxes(0, 1)
    return image[:: -1 if y_scale < 0 else 1, :: -1 if x_scale < 0 else 1]
