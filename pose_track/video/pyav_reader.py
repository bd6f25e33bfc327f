"""Video files by PyAV, FFmpeg's own libraries."""

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

from pose_track.structures.frames import ImageArray
from pose_track.video.packets import PacketWatch, average_fps, is_end, open_container, uses_decode_stamps, video_stream
from pose_track.video.source import DecodeError, FrameClock, Image, Selection, VideoInfo, VideoReader

logger = logging.getLogger(__name__)


class PyAvReader(VideoReader):
    """Decodes a video file on all cores. Raises as `open_video` says."""

    def __init__(self, path: Path, selection: Selection) -> None:
        super().__init__(selection)
        self._source = str(path)
        self._container = open_container(path)
        self._num_decoded = 0
        try:
            self._stream = video_stream(self._container, path)
            self._stream.thread_type = "AUTO"
            self._watch = PacketWatch(self._container, self._stream)
            self._by_decoding = uses_decode_stamps(self._container)
            frames = self._frames()
            first = next(frames, None)
            if first is None:
                raise ValueError(f"{self._source!r} has no frame that can be decoded; check that it is a whole video")
            self.info = self._describe(path, first)
            self._matrix = display_matrix(first)
            self._decoded: Iterator[av.VideoFrame] = chain([first], frames)
        except BaseException:
            self._container.close()
            raise

    def close(self) -> None:
        super().close()
        self._container.close()
        self._decoded = iter(())  # it refers to this reader, which would keep the decoder's memory

    def _describe(self, path: Path, frame: av.VideoFrame) -> VideoInfo:
        height, width = (frame.width, frame.height) if frame.rotation % 180 else (frame.height, frame.width)
        fps, num_frames = average_fps(path, self._stream), self._stream.frames or None
        return VideoInfo(self._source, width, height, fps, num_frames, -round(frame.rotation / 90) * 90 % 360)

    def _pictures(self) -> Iterator[Image]:
        clock, base = FrameClock(1 / self.info.fps), Fraction(self._stream.time_base or 0)
        for frame in self._decoded:
            stamp = frame.dts if self._by_decoding else frame.pts
            seconds = clock.seconds(None if stamp is None else stamp * base)
            yield seconds, partial(self._image, frame)
        if clock.repaired and not self._by_decoding:  # the decoder gives the last frames of an AVI without a stamp
            logger.warning("%s: %d frame times missing or not increasing, filled in", self._source, clock.repaired)

    def _image(self, frame: av.VideoFrame) -> ImageArray:
        stored = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
        image = np.ascontiguousarray(orient(stored, self._matrix))
        if image.shape[:2] != (self.info.height, self.info.width):
            raise DecodeError(
                self._source,
                self._num_decoded - 1,
                f"the picture changes from {self.info.width}x{self.info.height} to {image.shape[1]}x{image.shape[0]}",
            )
        return image

    def _frames(self) -> Iterator[av.VideoFrame]:
        """Sound frames in the order shown; then DecodeError if something was wrong."""
        fault = None
        try:
            for packet in self._container.demux(self._stream):
                fault = self._watch.missing() if is_end(packet) else self._watch.fault(packet)
                if fault is not None:
                    break
                for frame in packet.decode():
                    self._watch.came_out(frame)
                    if frame.is_corrupt:
                        raise DecodeError(self._source, self._num_decoded, "its data is damaged")
                    self._num_decoded += 1
                    yield frame
        except av.FFmpegError as error:
            fault = error.strerror
        if fault is not None:
            yield from self._remaining_frames()
            raise DecodeError(self._source, self._num_decoded, fault)

    def _remaining_frames(self) -> Iterator[av.VideoFrame]:
        """After a fault, what the decoder still holds of the frames before it."""
        try:
            held = self._stream.codec_context.decode(None)
        except av.FFmpegError as error:
            logger.warning("%s: frames held by the decoder are lost with the fault: %s", self._source, error.strerror)
            return
        for frame in held:
            if not self._watch.came_out(frame) or frame.is_corrupt:
                return
            self._num_decoded += 1
            yield frame


def display_matrix(frame: av.VideoFrame) -> NDArray[np.int32]:
    """(2, 2) how a stored point becomes a shown one, see `orient`; the identity where the frame does not say.

    To be asked of one frame, not of each: asking ties the frame's memory up until the garbage collector comes by.
    """
    side_data = cast(Mapping[SideDataType, SideData], frame.side_data)
    if SideDataType.DISPLAYMATRIX not in side_data:
        return np.eye(2, dtype=np.int32)
    matrix: NDArray[np.int32] = np.frombuffer(bytes(side_data[SideDataType.DISPLAYMATRIX]), np.int32).reshape(3, 3)
    return matrix[:2, :2]


def orient(image: ImageArray, matrix: NDArray[np.int32]) -> ImageArray:
    """Turn and mirror a picture by the nearest of the eight orientations.

    image: (H, W, 3); matrix: (2, 2), FFmpeg's display matrix: a stored point (x, y) is shown at (x, y) @ matrix.

    >>> image = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    >>> orient(image, np.array([[0, 1], [-1, 0]], np.int32))[:, 0, 0].tolist()  # a quarter clockwise: left comes on top
    [0, 3]
    """
    (a, b), (c, d) = matrix.tolist()
    across, down = (c, b) if abs(b) > abs(a) else (a, d)
    if abs(b) > abs(a):
        image = image.swapaxes(0, 1)
    return image[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]
