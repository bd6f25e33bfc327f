"""Text files of other programs, in the encodings that these write."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

# the longer marks first: that of UTF-32 begins with that of UTF-16
_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)


def text_encoding(start: bytes) -> str:
    """The encoding that the byte order mark at the start of a file states.

    Without a mark, the zero beside the first character tells UTF-16 from UTF-8: files start in ASCII.

    >>> text_encoding("1,2".encode("utf-16")), text_encoding(b"1,2"), text_encoding("1,2".encode("utf-16-be"))
    ('utf-16', 'utf-8', 'utf-16-be')
    """
    zeros = [byte == 0 for byte in start[:2]]
    unmarked = "utf-16-be" if zeros == [True, False] else "utf-16-le" if zeros == [False, True] else "utf-8"
    return next((encoding for mark, encoding in _ENCODINGS if start.startswith(mark)), unmarked)


def to_utf8(data: bytes, path: str | Path) -> bytes:
    """The text of the file `path` in UTF-8 without a mark. Bytes in UTF-8 without a mark are returned as they are.

    Raises ValueError, naming the file, where the bytes are not in their `text_encoding`.
    """
    encoding = text_encoding(data)
    if encoding == "utf-8":
        return data
    try:
        return data.decode(encoding).encode()
    except UnicodeError as error:
        raise ValueError(f"{path} is not {encoding.upper()} text, which it begins as: {error}") from None


def read_text(path: Path) -> str:
    """The text of a file in its `text_encoding`.

    Raises OSError, and ValueError naming the file and the byte where it is not such text.
    """
    data = to_utf8(path.read_bytes(), path)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: byte {error.start} is {data[error.start]:#x}") from None


def utf8_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, in UTF-8 without a byte order mark, each with its line break; one line in memory at a time.

    A carriage return alone breaks a line too. Raises OSError, and ValueError naming the file where it is not in its
    `text_encoding`. Whether a file without a mark is UTF-8 is left to the caller.
    """
    with path.open("rb") as file:
        encoding = text_encoding(file.read(4))
        file.seek(len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0)
        if encoding in ("utf-8", "utf-8-sig"):
            for part in file:
                yield from part.splitlines(keepends=True)
            return
    try:
        with path.open(encoding=encoding) as text:
            for line in text:
                yield line.encode()
    except UnicodeError as error:
        raise ValueError(f"{path} is not {encoding.upper()} text, which it begins as: {error}") from None
