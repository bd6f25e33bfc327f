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
    """The encoding that the byte order mark at the start of a file states; UTF-8 without a mark.

    >>> text_encoding("1,2".encode("utf-16")), text_encoding(b"1,2")
    ('utf-16', 'utf-8')
    """
    return next((encoding for mark, encoding in _ENCODINGS if start.startswith(mark)), "utf-8")


def to_utf8(data: bytes, path: Path) -> bytes:
    """The text of the file `path` in UTF-8 without a mark. Bytes without a mark are returned as they are.

    Raises ValueError, naming the file, where the bytes are not in the encoding that their mark states.
    """
    encoding = text_encoding(data)
    if encoding == "utf-8":
        return data
    try:
        return data.decode(encoding).encode()
    except UnicodeError as error:
        raise ValueError(f"{path} is not {encoding.upper()} text, which it begins as: {error}") from None


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, or in the encoding that its byte order mark states.

    Raises OSError, and ValueError naming the file and the byte where it is not such text.
    """
    data = to_utf8(path.read_bytes(), path)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: byte {error.start} is {data[error.start]:#x}") from None


def utf8_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, in UTF-8 without a byte order mark, each with its line break; one line in memory at a time.

    Raises OSError, and ValueError naming the file where it is not in the encoding that its mark states. Whether a file
    without a mark is UTF-8 is left to the caller.
    """
    with path.open("rb") as file:
        encoding = text_encoding(file.read(4))
        file.seek(len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0)
        if encoding in ("utf-8", "utf-8-sig"):
            yield from file
            return
    try:
        with path.open(encoding=encoding) as text:
            for line in text:
                yield line.encode()
    except UnicodeError as error:
        raise ValueError(f"{path} is not {encoding.upper()} text, which it begins as: {error}") from None
