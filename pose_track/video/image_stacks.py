"""Which image files hold several images: animated PNG, WebP and GIF, and TIFF files of several pages."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, Literal

from pose_track.video.tiff import is_tiff, map_file, tiff_pages
from pose_track.video.webp import is_animated_webp

StackFormat = Literal["apng", "gif", "webp", "tiff"]
_NUM_START_BYTES = 32
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def stack_format(path: Path) -> StackFormat | None:
    """The format of a file with several images, by its content; a GIF counts as one. None for any other file."""
    if not path.is_file():  # reading would take from a pipe
        return None
    with path.open("rb") as file:
        start = file.read(_NUM_START_BYTES)
        if start.startswith(_PNG_SIGNATURE):
            return "apng" if _is_animated_png(file) else None
    if start.startswith(b"GIF8"):
        return "gif"
    if is_animated_webp(start):
        return "webp"
    if is_tiff(start) and len(tiff_pages(map_file(path))) > 1:
        return "tiff"
    return None


def _is_animated_png(file: BinaryIO) -> bool:
    """Whether an animation control chunk comes before the image data; see PNG, third edition, 11.3.6.1."""
    file.seek(len(_PNG_SIGNATURE))
    while len(chunk := file.read(8)) == 8:
        num_bytes, kind = struct.unpack(">I4s", chunk)
        if kind in (b"acTL", b"IDAT"):
            return bool(kind == b"acTL")
        file.seek(num_bytes + 4, 1)  # and the checksum
    return False
