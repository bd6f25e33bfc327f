"""The size that an image file declares, read before it is decoded: some small files unpack to gigabytes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from pose_track.video.tiff import FileBytes, is_tiff, tiff_pages

MAX_PIXELS = 100_000_000
"""Pixels of an image or video frame, at most, where nothing else is set: 12 times those of 4K."""

IMAGE_KINDS = "JPEG, PNG, WebP, TIFF, BMP or GIF"
"""The kinds of image files that are decoded: those whose size is read before."""

Size = tuple[int, int]


def check_size(path: str | Path, size: Size | None, max_pixels: int) -> None:
    """Raises ValueError for a declared width and height of more than `max_pixels`."""
    if size is not None and size[0] * size[1] > max_pixels:
        raise ValueError(
            f"{str(path)!r} declares {size[0]}x{size[1]} pixels, more than {max_pixels}; scale it down, or raise "
            "reader.max_pixels if there is memory for it"
        )


def declared_size(content: FileBytes) -> Size | None:
    """Width and height that a file of IMAGE_KINDS declares; of a TIFF file the largest page.

    None for another file, and where the file ends before its size.

    >>> declared_size(b"GIF89a" + bytes([64, 1, 200, 0]))
    (320, 200)
    """
    start = bytes(content[:16])
    try:
        if is_tiff(start):
            sizes = [(page.width, page.height) for page in tiff_pages(content) if page.width]
            return max(sizes, key=lambda size: size[0] * size[1], default=None)
        for signature, read in _READERS.items():
            if start.startswith(signature):
                return read(content)
    except (struct.error, IndexError):
        return None
    return None


def _png(content: FileBytes) -> Size:
    width, height = struct.unpack_from(">II", content, 16)
    return width, height


def _gif(content: FileBytes) -> Size:
    width, height = struct.unpack_from("<HH", content, 6)
    return width, height


def _bmp(content: FileBytes) -> Size:
    (header_bytes,) = struct.unpack_from("<I", content, 14)
    width, height = struct.unpack_from("<HH" if header_bytes == 12 else "<ii", content, 18)
    return abs(width), abs(height)  # negative: rows from top to bottom


def _webp(content: FileBytes) -> Size | None:
    """See RFC 9649, 2.7 and 3.4, and RFC 6386, 9.1."""
    kind, data = bytes(content[12:16]), bytes(content[20:30])
    if kind == b"VP8X" and len(data) == 10:
        return int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 6)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg(content: FileBytes) -> Size:
    """The frame header among the marker segments, see ITU-T T.81, B.2.2."""
    place = 2
    while True:
        if content[place] != 0xFF:
            place += 1
        elif 0xC0 <= content[place + 1] <= 0xCF and content[place + 1] not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, place + 5)
            return width, height
        elif content[place + 1] in (0x01, 0xFF) or 0xD0 <= content[place + 1] <= 0xD8:  # no segment, or a fill byte
            place += 1 if content[place + 1] == 0xFF else 2
        else:
            place += 2 + struct.unpack_from(">H", content, place + 2)[0]


_READERS: dict[bytes, Callable[[FileBytes], Size | None]] = {
    b"\x89PNG\r\n\x1a\n": _png,
    b"GIF8": _gif,
    b"BM": _bmp,
    b"RIFF": _webp,
    b"\xff\xd8": _jpeg,
}
