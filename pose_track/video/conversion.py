"""Decoded frames as upright RGB images of one size with square pixels."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from numpy.typing import NDArray

from pose_track.structures.arrays import ImageArray
from pose_track.video.declared_size import check_size
from pose_track.video.hdr import TRANSFERS, to_standard_range

logger = logging.getLogger(__name__)

_MAX_ASPECT_RATIO = 8  # of a pixel


class FrameConverter:
    """Converts the frames of a video to RGB; each is scaled and turned as the first one.

    source: name of the video in messages.
    aspect_ratio: width of a stored pixel to its height; None for square pixels.
    shown_size: width and height of the images, in pixels.
    rotation: degrees clockwise (0, 90, 180 or 270) from a stored frame to its image.

    Raises ValueError for images of more than `max_pixels`.
    """

    def __init__(self, source: str, first: av.VideoFrame, aspect_ratio: Fraction | None, max_pixels: int) -> None:
        self._source = source
        self._size = _square_pixels(first, aspect_ratio, source)
        check_size(source, self._size, max_pixels)
        self._matrix = display_matrix(first)
        self._stored_size = first.width, first.height
        self.shown_size = self._size[::-1] if first.rotation % 180 else self._size
        self.rotation = -round(first.rotation / 90) * 90 % 360

    def note_size(self, frame: av.VideoFrame) -> None:
        """Log where the size changes."""
        if (frame.width, frame.height) != self._stored_size:
            logger.warning(
                "%s: the frame size changes from %dx%d to %dx%d; all frames are scaled to the first size",
                *(self._source, *self._stored_size, frame.width, frame.height),
            )
        self._stored_size = frame.width, frame.height

    def __call__(self, frame: av.VideoFrame) -> ImageArray:
        """(H, W, 3) uint8 RGB, upright."""
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
