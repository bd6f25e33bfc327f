"""The end of a fragmented MP4 that a full disk or a kill has cut off; see ISO/IEC 14496-12, 4.2 and 8.8."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

_KINDS = (b"ftyp", b"moov", b"moof", b"mdat", b"mfra")
_HEAD_BYTES = 8  # length and kind


def cut_to_whole_fragments(path: Path) -> bool:
    """Remove what follows the last whole fragment; False where there is none, and the file stays.

    A fragment that is followed by something else is not whole: writing went on after a write that failed.
    """
    with path.open("r+b") as file:
        end = _end_of_whole_fragments(file)
        if end:
            file.truncate(end)
    return bool(end)


def _end_of_whole_fragments(file: BinaryIO) -> int:
    """The place in bytes after the last whole fragment; 0 without any."""
    size, start = file.seek(0, os.SEEK_END), 0
    ends = [0, 0]  # of the fragments
    while start < size:
        length, kind = _box(file, start)
        if kind not in _KINDS and size - start >= _HEAD_BYTES:
            return ends[-2]
        if length is None or start + length > size:
            break
        start += length
        if kind == b"mdat":
            ends.append(start)
    return ends[-1]


def _box(file: BinaryIO, start: int) -> tuple[int | None, bytes]:
    """Length in bytes, None where it is cut off or impossible, and kind of the box that starts here."""
    file.seek(start)
    head = file.read(16)
    if len(head) < _HEAD_BYTES:
        return None, b""
    length, kind = struct.unpack_from(">I4s", head)
    if length == 1 and len(head) == 16:
        (length,) = struct.unpack_from(">Q", head, 8)
    return (length if length >= _HEAD_BYTES else None), kind
