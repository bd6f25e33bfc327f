"""Video files decoded by PyAV, which contains FFmpeg's libraries."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
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
from pose_track.video.declared_size import MAX_PIXELS, check_size
from pose_track.video.decoding import StrictDecoder, TolerantDecoder, limit_size
from pose_track.video.hdr import TRANSFERS, to_standard_range
from pose_track.video.packets import average_fps, is_raw, open_container, uses_dts, video_stream
from pose_track.video.source import DecodedFrame, FrameClock, OnDamage, Selection, VideoInfo, VideoReader

logger = logging.getLogger(__name__)

_MAX_ASPECT_RATIO = 8  # of a pixel


class PyAvReader(VideoReader):
    """Decodes a video file on all cores. Raises as `open_video` does."""

    def __init__(
        self,
        path: Path,
        selection: Selection,
        on_damage: OnDamage = "continue",
        fps: Fraction | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        super().__init__(selection)
        self._source = str(path)
        self._container = open_container(path)
        try:
            self._stream = video_stream(self._container, path)
            codec = self._stream.codec_context
            check_size(path, (codec.width, codec.height), max_pixels)
            limit_size(self._stream, max_pixels)
            if fps is not None and not is_raw(self._container):
                raise ValueError(
                    f"{self._source!r} is a video and has its own frame rate; a frame rate of {float(fps):g} (fps, "
                    "reader.image_fps) is for images and raw streams only"
                )
            self._by_dts = uses_dts(self._container)
            frames = iter(self._decoder(path, on_damage, max_pixels))
            first = next(frames, None)
            if first is None:
                cause = f" ({self.faults[0].cause})" if self.faults else ""
                raise ValueError(f"{self._source!r} has no frame that can be decoded{cause}; check that it is complete")
            self._size = _square_pixels(first, self._stream.sample_aspect_ratio, self._source)
            check_size(path, self._size, max_pixels)
            self.info = self._describe(path, first, fps)
            self._matrix = display_matrix(first)
            self._decoded: Iterator[av.VideoFrame] = chain([first], frames)
        except BaseException:
            self._container.close()
            raise

    def _decoder(self, path: Path, on_damage: OnDamage, max_pixels: int) -> Iterable[av.VideoFrame]:
        if on_damage == "stop":
            return StrictDecoder(self._source, self._container, self._stream)
        return TolerantDecoder(path, self._container, self._stream, self.faults.append, max_pixels)

    def close(self) -> None:
        super().close()
        self._decoded = iter(())  # break the reference cycle with this reader, which holds the decoder's memory
        self._container.close()

    def _describe(self, path: Path, frame: av.VideoFrame, fps: Fraction | None) -> VideoInfo:
        width, height = self._size[::-1] if frame.rotation % 180 else self._size
        fps, num_frames = fps or average_fps(path, self._stream), self._stream.frames or None
        return VideoInfo(self._source, width, height, fps, num_frames, -round(frame.rotation / 90) * 90 % 360)

    def _decode(self) -> Iterator[DecodedFrame]:
        clock, time_base = FrameClock(1 / self.info.fps), Fraction(self._stream.time_base or 0)
        size: tuple[int, int] | None = None
        for frame in self._decoded:
            if size is not None and (frame.width, frame.height) != size:
                logger.warning(
                    "%s: the frame size changes from %dx%d to %dx%d; all frames are scaled to the first size",
                    *(self._source, *size, frame.width, frame.height),
                )
            size = frame.width, frame.height
            timestamp = frame.dts if self._by_dts else frame.pts
            seconds = clock.seconds(None if timestamp is None else timestamp * time_base)
            yield seconds, partial(self._image, frame)
        if clock.repaired and not (
            self._by_dts or is_raw(self._container)
        ):  # the decoder returns the last frames of an AVI without timestamps
            logger.warning("%s: %d frame times missing or not increasing, filled in", self._source, clock.repaired)

    def _image(self, frame: av.VideoFrame) -> ImageArray:
        width, height = self._size
        transfer = TRANSFERS.get(frame.color_trc)
        if transfer is None:
            stored = np.asarray(frame.to_ndarray(format="rgb24", width=width, height=height), np.uint8)
        else:
            codes = np.asarray(frame.to_ndarray(format="rgb48le", width=width, height=height), np.uint16)
            stored = to_standard_range(codes, transfer)
        return np.ascontiguousarray(orient(stored, self._matrix))


def _square_pixels(frame: av.VideoFrame, aspect_ratio: Fraction | None, source: str) -> tuple[int, int]:
    """Width and height of a frame whose pixels are as wide as high. aspect_ratio: width of a stored pixel to its
    height; an implausible one is left out with a warning."""
    ratio = aspect_ratio or Fraction(1)
    if not 1 / _MAX_ASPECT_RATIO <= ratio <= _MAX_ASPECT_RATIO:
        logger.warning("%s: pixels of %s are taken as square", source, ratio)
        ratio = Fraction(1)
    return round(frame.width * ratio), frame.height


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
