"""Reading large JSON files fast, and writing them without holding them in memory."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import msgspec

from pose_track.utils.text_files import to_utf8


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause Python's cyclic garbage collector.

    While a large file becomes objects the collector visits all of them again and again: reading one took three times
    as long with it.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def read_json(path: Path) -> Any:
    """The content of a JSON file, see `parse_json`. Raises OSError and ValueError."""
    return parse_json(path.read_bytes(), path)


def parse_json(text: bytes, path: str | Path) -> Any:
    """Decode the JSON text of the file `path`, in UTF-8 or the encoding that its byte order mark states.

    NaN and Infinity, which Python writes although JSON does not have them, are accepted, so that a later check can
    name the entry. Raises ValueError naming the file, and the line and column of the error.
    """
    text = to_utf8(text, path)
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):  # the standard library knows NaN and counts lines
        return _parse_slowly(text, path)


def _parse_slowly(text: bytes, path: str | Path) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg[:1].lower()}{error.msg[1:]}"
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 text: byte {error.start} is {text[error.start]:#x}; save it as UTF-8"
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, lists nested thousands deep
        reason = f"cannot be read: {error}"
    raise ValueError(f"{path} {reason}")


def finite_values(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fields of another program's file, with null for NaN and infinity, which JSON does not have.

    >>> finite_values({"area": float("nan"), "center": [1.5, float("inf")], "name": "a"})
    {'area': None, 'center': [1.5, None], 'name': 'a'}
    """
    try:
        json.dumps(dict(fields), allow_nan=False)
    except ValueError:
        return dict(json.loads(json.dumps(dict(fields)), parse_constant=lambda _: None))
    return fields


def write_json_list(file: TextIO, items: Iterable[Any]) -> None:
    """Write a JSON list, one item a line, with one item in memory at a time. Raises ValueError for NaN or Infinity."""
    separator = "[\n"
    for item in items:
        file.write(separator + json.dumps(item, separators=(",", ":"), allow_nan=False))
        separator = ",\n"
    file.write("[]" if separator == "[\n" else "\n]")


def copy_json_list(lines: TextIO, file: TextIO) -> None:
    """Write the lines of a file, each a JSON value, as a JSON list."""
    lines.seek(0)
    separator = "[\n"
    for line in lines:
        file.write(separator + line.removesuffix("\n"))
        separator = ",\n"
    file.write("[]" if separator == "[\n" else "\n]")
