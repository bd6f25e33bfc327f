"""Files that are there whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from pose_track.formats.atomic_path import atomic_path


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
