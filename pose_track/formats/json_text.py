"""Large JSON files, read fast, with errors that say where one breaks."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec


@contextmanager
def no_collection() -> Iterator[None]:
    """Without Python's cyclic garbage collector, which goes through all objects of a large file again and again while
    they are made: reading one took three times as long with it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def parse_json(text: bytes, path: Path) -> Any:
    """What a file's JSON says. NaN and Infinity, which JSON does not know but Python writes, are read as such, so that
    whoever has one can be named. Raises ValueError naming the file and the line and column where it breaks."""
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):  # read again, by what knows NaN and counts lines
        return _parse_slowly(text, path)


def _parse_slowly(text: bytes, path: Path) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        fault = f"is not whole JSON: at {place} {error.msg[:1].lower()}{error.msg[1:]}"
    except UnicodeDecodeError as error:
        fault = f"is not text in UTF-8: its byte {error.start} is {text[error.start]:#x}"
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, lists in thousands of lists
        fault = f"cannot be read: {error}"
    raise ValueError(f"{path} {fault}; get or write the file anew")
