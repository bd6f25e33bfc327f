"""Animated WebP files, one frame at a time; see RFC 9649, 2.7."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from pose_track.structures.arrays import AnyArray, ImageArray
from pose_track.video.declared_size import check_size, declared_size
from pose_track.video.source import (
    DecodedFrame,
    DecodeError,
    Fault,
    OnDamage,
    Selection,
    VideoInfo,
    VideoReader,
)

_FRAME_HEADER_BYTES = 16
_DISPOSE, _REPLACE = 1, 2  # bits of a frame: clear its area afterwards; do not blend it with what is below
_HAS_ALPHA = 0x10  # in the flags of an extended header
_DEFAULT_MILLISECONDS = 100  # for which browsers show a frame without a duration


def is_animated_webp(start: bytes) -> bool:
    """Whether a file of these first bytes is an animated WebP."""
    return start[:4] == b"RIFF" and start[8:16] == b"WEBPVP8X" and len(start) > 20 and bool(start[20] & 2)


@dataclass(frozen=True)
class _FrameHeader:
    """A frame's area in pixels of the canvas, its milliseconds, its flags, and the place of its data in the file."""

    x: int
    y: int
    width: int
    height: int
    milliseconds: int
    flags: int
    start: int
    end: int


class WebPReader(VideoReader):
    """The frames of an animated WebP with their times. Transparent parts are black.

    A frame that cannot be decoded is left out as a fault, or ends the file, see `on_damage` of `open_video`. Raises
    ValueError for a canvas of more than `max_pixels`, and a file without any frame.
    """

    def __init__(self, path: Path, selection: Selection, on_damage: OnDamage, max_pixels: int) -> None:
        super().__init__(selection)
        self._on_damage = on_damage
        self._content = path.read_bytes()
        size = declared_size(self._content)
        check_size(path, size, max_pixels)
        self._headers = list(_frame_headers(self._content))
        if size is None or not self._headers:
            raise ValueError(f"{str(path)!r} is an animated WebP without a frame; save the animation again")
        total = Fraction(sum(header.milliseconds for header in self._headers), 1000)
        self.info = VideoInfo(str(path), *size, len(self._headers) / total, len(self._headers))

    def _decode(self) -> Iterator[DecodedFrame]:
        canvas = np.zeros((self.info.height, self.info.width, 3), np.uint8)
        milliseconds = 0
        for index, header in enumerate(self._headers):
            yield (
                Fraction(milliseconds, 1000),
                partial(_identity, canvas.copy() if self._draw(canvas, header, index) else None),
            )
            milliseconds += header.milliseconds
            if header.flags & _DISPOSE:
                _area(canvas, header)[:] = 0
        self._check_complete()

    def _draw(self, canvas: ImageArray, header: _FrameHeader, index: int) -> bool:
        """Draw a frame; return whether it could be decoded."""
        image = _decode_frame(self._content, header)
        area = _area(canvas, header)
        if image is None or image.shape[:2] != area.shape[:2]:
            self._report(index, "its data is damaged or cut off")
            return False
        colours = image[..., 2::-1]
        if image.shape[2] == 4:
            alpha = image[..., 3:] / np.float32(255)
            below = 0 if header.flags & _REPLACE else area * (1 - alpha)
            colours = np.rint(colours * alpha + below)
        area[:] = colours
        return True

    def _check_complete(self) -> None:
        declared = struct.unpack_from("<I", self._content, 4)[0] + 8
        if len(self._content) < declared and not self.faults:
            self._report(len(self._headers), f"the file ends at {len(self._content)} of {declared} bytes")

    def _report(self, index: int, cause: str) -> None:
        if self._on_damage == "stop":
            raise DecodeError(self.info.source, index, cause)
        self.faults.append(Fault(index, cause))


def _identity(image: ImageArray | None) -> ImageArray | None:
    return image


def _area(canvas: ImageArray, header: _FrameHeader) -> ImageArray:
    return canvas[header.y : header.y + header.height, header.x : header.x + header.width]


def _frame_headers(content: bytes) -> Iterator[_FrameHeader]:
    """The frames of a file, the last of which may be cut off."""
    place = 12
    while place + 8 <= len(content):
        kind, num_bytes = struct.unpack_from("<4sI", content, place)
        start, end = place + 8, place + 8 + num_bytes
        if kind == b"ANMF" and start + _FRAME_HEADER_BYTES <= len(content):
            x, y, width, height, milliseconds = (
                int.from_bytes(content[start + 3 * n : start + 3 * n + 3], "little") for n in range(5)
            )
            flags = content[start + 15]
            data = start + _FRAME_HEADER_BYTES
            area = 2 * x, 2 * y, width + 1, height + 1
            yield _FrameHeader(*area, milliseconds or _DEFAULT_MILLISECONDS, flags, data, min(end, len(content)))
        place = end + num_bytes % 2


def _decode_frame(content: bytes, header: _FrameHeader) -> ImageArray | None:
    """(H, W, 3 or 4) BGR and alpha of a frame, decoded as a file of its own; None for a damaged one."""
    data = content[header.start : header.end]
    size = declared_size(b"RIFF" + bytes(4) + b"WEBP" + _image_chunk(data))
    if size != (header.width, header.height) or not _is_one_image(data):  # no memory is taken for more than the canvas
        return None
    extended = struct.pack("<4sIB3x", b"VP8X", 10, _HAS_ALPHA)
    extended += (header.width - 1).to_bytes(3, "little") + (header.height - 1).to_bytes(3, "little")
    chunks = extended + data
    file = b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks
    try:
        image: AnyArray | None = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, np.uint8)


def _is_one_image(data: bytes) -> bool:
    """Whether no other frame follows within the data, as where a wrong length hides it."""
    place = 0
    while place + 8 <= len(data):
        kind, num_bytes = struct.unpack_from("<4sI", data, place)
        if kind == b"ANMF":
            return False
        place += 8 + num_bytes + num_bytes % 2
    return True


def _image_chunk(data: bytes) -> bytes:
    """The data of a frame from its image on, past its alpha channel."""
    if data[:4] == b"ALPH" and len(data) >= 8:
        (num_bytes,) = struct.unpack_from("<I", data, 4)
        return data[8 + num_bytes + num_bytes % 2 :]
    return data
