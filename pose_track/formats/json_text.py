"""Reading large JSON files fast, and writing them without holding them in memory."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import msgspec


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


def parse_json(text: bytes, path: Path) -> Any:
    """Decode the JSON text of the file `path`.

    NaN and Infinity, which Python writes although JSON does not have them, are accepted, so that a later check can
    name the entry. Raises ValueError naming the file, and the line and column of the error.
    """
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):  # the standard library knows NaN and counts lines
        return _parse_slowly(text, path)


def _parse_slowly(text: bytes, path: Path) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg[:1].lower()}{error.msg[1:]}"
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 text: byte {error.start} is {text[error.start]:#x}"
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, lists nested thousands deep
        reason = f"cannot be read: {error}"
    raise ValueError(f"{path} {reason}; download or write the file again")


def write_json_list(file: TextIO, items: Iterable[Any]) -> None:
    """Write a JSON list, one item a line, with one item in memory at a time. Raises ValueError for NaN or Infinity."""
    separator = "[\n"
    for item in items:
        file.write(separator + json.dumps(item, separators=(",", ":"), allow_nan=False))
        separator = ",\n"
    file.write("[]" if separator == "[\n" else "\n]")
