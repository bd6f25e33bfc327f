"""Files and folders of any kind that are there whole or not at all; text files have `atomic`."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Another name beside `path`, for the block to make a file or folder there, which takes the name `path` only when
    the block ends well; else nothing is left of it and a file that was there before stays.

    Raises OSError where `path` is a folder that is not empty.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        unfinished.unlink(missing_ok=True)


@contextmanager
def atomic_text(path: str | Path) -> Iterator[TextIO]:
    """A text file to write, which takes the name `path` only when the block ends well; else nothing is left of it and
    a file that was there before stays."""
    with atomic_path(path) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        yield file


def write_json_list(file: TextIO, items: Iterable[Any]) -> None:
    """A JSON list, one item a line, without holding more than one item. Raises ValueError for a number that is not
    finite."""
    separator = "[\n"
    for item in items:
        file.write(separator + json.dumps(item, separators=(",", ":"), allow_nan=False))
        separator = ",\n"
    file.write("[]" if separator == "[\n" else "\n]")
