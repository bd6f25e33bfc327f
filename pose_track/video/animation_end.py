"""Whether animated PNG and GIF files are whole; see GIF89a, sections 18 to 27, and PNG, third edition, 11.2.4."""

from __future__ import annotations

from pathlib import Path

from pose_track.video.tiff import FileBytes, map_file

_PNG_END_MARK = b"\0\0\0\0IEND"
_NUM_END_BYTES = 64
_HEADER_BYTES = 13  # signature and logical screen descriptor
_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B


def has_end(path: Path, container: str) -> bool:
    """Whether an animated PNG or GIF ends as it should, before what other programs may append; other files do.

    container: FFmpeg's name of it.
    """
    if container == "gif":
        return is_whole_gif(map_file(path))
    return container != "apng" or _PNG_END_MARK in map_file(path)[-_NUM_END_BYTES:]


def is_whole_gif(content: FileBytes) -> bool:
    """Whether a GIF ends with its trailer or, as some encoders leave that out, right after an image.

    >>> is_whole_gif(b"GIF89a" + bytes(7) + b";"), is_whole_gif(b"GIF89a" + bytes(7) + b"!")
    (True, False)
    """
    kind = 0
    try:
        place = _HEADER_BYTES + _table_bytes(content[_HEADER_BYTES - 3])
        while place < len(content):
            kind = content[place]
            if kind == _TRAILER:
                return True
            if kind == _EXTENSION:
                place = _after_sub_blocks(content, place + 2)
            elif kind == _IMAGE:
                place = _after_sub_blocks(content, place + 11 + _table_bytes(content[place + 9]))
            else:
                return False
    except IndexError:
        return False
    return place == len(content) and kind == _IMAGE


def _table_bytes(flags: int) -> int:
    """The bytes of the colour table that the flags of a screen or an image declare."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_sub_blocks(content: FileBytes, place: int) -> int:
    """Raises IndexError where the sub-blocks do not end within the file."""
    while num_bytes := content[place]:
        place += 1 + num_bytes
    return place + 1
