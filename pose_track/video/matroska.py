"""The size and length that a Matroska or WebM file declares; see RFC 8794 (EBML) and RFC 9559 (Matroska)."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from av.video.stream import VideoStream

_EBML_ID = b"\x1a\x45\xdf\xa3"
_SEGMENT_ID = b"\x18\x53\x80\x67"


def matroska_size(path: Path) -> int | None:
    """Bytes up to the end of the segment, in which all data are; None where the file does not say, as in a live
    recording, or is none of Matroska."""
    with path.open("rb") as file:
        if file.read(4) != _EBML_ID:
            return None
        header_size = _read_size(file)
        if header_size is None:
            return None
        file.seek(header_size, 1)
        if file.read(4) != _SEGMENT_ID:
            return None
        size = _read_size(file)
        return None if size is None else file.tell() + size


def track_seconds(stream: VideoStream) -> Fraction | None:
    """When a track ends, in seconds, by the tag that FFmpeg and MKVToolNix write; None where it is missing.

    A file without it may have one length for all its tracks, such as that of a longer sound.
    """
    match = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    return None if match is None else int(match[1]) * 3600 + int(match[2]) * 60 + Fraction(match[3])


def _read_size(file: BinaryIO) -> int | None:
    """A number whose leading zero bits say how many bytes follow its first; None where all its bits are set."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    num_bits = 7 * (9 - first[0].bit_length())
    rest = file.read(num_bits // 7 - 1)
    value = int.from_bytes(first + rest, "big") & ((1 << num_bits) - 1)
    return None if value == (1 << num_bits) - 1 else value
