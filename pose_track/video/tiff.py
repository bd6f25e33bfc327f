"""The pages of a TIFF file, found without decoding them; see TIFF 6.0, section 2, and the BigTIFF extension."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from mmap import ACCESS_COPY, ACCESS_READ, mmap
from pathlib import Path

FileBytes = bytes | mmap
"""The content of a file, which may be mapped into memory."""

_SUBFILE_TYPE, _WIDTH, _HEIGHT = 254, 256, 257
_VALUE_FORMATS = {3: "H", 4: "I", 16: "Q"}  # by the number of a field's type
_REDUCED, _MASK = 1, 4  # bits of _SUBFILE_TYPE: a thumbnail of another page, a transparency mask
_MAX_PAGES = 65_535


@dataclass(frozen=True)
class TiffPage:
    """place: of its directory in the file; width, height: declared pixels."""

    place: int
    width: int
    height: int


@dataclass(frozen=True)
class _Layout:
    """How a file writes numbers. first: where the place of the first directory is."""

    order: str
    offset: str
    count: str
    first: int

    @property
    def entry_bytes(self) -> int:
        return 4 + 2 * struct.calcsize(self.offset)


_LAYOUTS = {
    b"II*\0": _Layout("<", "I", "H", 4),
    b"MM\0*": _Layout(">", "I", "H", 4),
    b"II+\0": _Layout("<", "Q", "Q", 8),
    b"MM\0+": _Layout(">", "Q", "Q", 8),
}


def map_file(path: Path) -> mmap:
    """The content of a file that is not empty, read where it is used: stacks may be larger than the memory."""
    with path.open("rb") as file:
        return mmap(file.fileno(), 0, access=ACCESS_READ)


def map_page(path: Path, page: TiffPage) -> mmap:
    """The content of a file, changed in memory so that it begins with a page: decoders read the first one."""
    with path.open("rb") as file:
        content = mmap(file.fileno(), 0, access=ACCESS_COPY)
    layout = _LAYOUTS[content[:4]]
    struct.pack_into(layout.order + layout.offset, content, layout.first, page.place)
    return content


def is_tiff(start: bytes) -> bool:
    """Whether a file of these first bytes is TIFF."""
    return start[:4] in _LAYOUTS


def tiff_pages(content: FileBytes) -> list[TiffPage]:
    """The pages of a file, without thumbnails and masks of other pages. A damaged directory is the last, of size 0.

    content: the bytes of the file.
    """
    layout = _LAYOUTS.get(bytes(content[:4]))
    pages: list[TiffPage] = []
    seen: set[int] = set()  # a chain of directories that ends in a circle
    place = 0
    try:
        place = _number(content, layout, layout.offset, layout.first) if layout else 0
        while layout and place and place not in seen and len(seen) < _MAX_PAGES:
            fields, following = _directory(content, layout, place)
            if not fields.get(_SUBFILE_TYPE, 0) & (_REDUCED | _MASK):
                pages.append(TiffPage(place, fields.get(_WIDTH, 0), fields.get(_HEIGHT, 0)))
            seen.add(place)
            place = following
    except struct.error:  # the file ends within a directory
        pages.append(TiffPage(place, 0, 0))
    return pages


def _directory(content: FileBytes, layout: _Layout, place: int) -> tuple[dict[int, int], int]:
    """The first value of the fields that are read here, by tag, and the place of the next directory."""
    num_entries = _number(content, layout, layout.count, place)
    start, size = place + struct.calcsize(layout.count), layout.entry_bytes
    following = _number(content, layout, layout.offset, start + num_entries * size)
    fields = {}
    for entry in range(start, start + num_entries * size, size):
        tag, kind = struct.unpack_from(f"{layout.order}HH", content, entry)
        if tag > _HEIGHT:  # they are in ascending order
            break
        if tag in (_SUBFILE_TYPE, _WIDTH, _HEIGHT) and kind in _VALUE_FORMATS:
            value = entry + 4 + struct.calcsize(layout.offset)
            fields[tag] = _number(content, layout, _VALUE_FORMATS[kind], value)
    return fields, following


def _number(content: FileBytes, layout: _Layout, kind: str, place: int) -> int:
    """Raises struct.error for a place outside the file."""
    if place > len(content):
        raise struct.error("outside the file")
    return int(struct.unpack_from(layout.order + kind, content, place)[0])
