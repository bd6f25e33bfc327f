"""A manifest: a table of videos, with a column `path`, and columns that are settings of single videos.

    path,reader.stride,pose.flip_test
    cam1/a.mp4,2,
    cam1/b.mp4,,true

Paths are relative to the manifest. An empty value leaves a setting as it is. A column that is neither `path` nor of the
form section.name, nor `device`, is the user's own and has no effect.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pose_track.config.fields import flatten
from pose_track.utils.extras import require

MANIFEST_SUFFIXES = (".csv", ".jsonl", ".parquet")

_PATH = "path"


def read_manifest(manifest: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The path and the settings of each row, as text.

    Raises ValueError, with the number of the line or row, where there is no path; ImportError for Parquet without
    pyarrow.
    """
    for place, row in _READERS[manifest.suffix.lower()](manifest):
        values = flatten(row)
        path = values.pop(_PATH, None)
        if not isinstance(path, str) or not path:
            raise ValueError(f"{str(manifest)!r}, {place}: needs a {_PATH!r}, the path of a video, got {path!r}")
        yield path, {key: _text(value) for key, value in values.items() if _is_setting(key) and _is_given(value)}


def _is_setting(column: str) -> bool:
    return "." in column or column == "device"


def _is_given(value: object) -> bool:
    """Whether a cell holds something. NaN is how tables of numbers write that it does not."""
    return value not in (None, "") and value == value


def _text(value: object) -> str:
    """A value as a setting of the command line.

    >>> _text(True), _text(2.0), _text([1, 2]), _text("fast")
    ('true', '2', '[1, 2]', 'fast')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():  # a column of whole numbers with gaps is one of floats
        return str(int(value))
    return json.dumps(value)


def _csv_rows(manifest: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with manifest.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            if None in row:
                raise ValueError(f"{str(manifest)!r}, line {reader.line_num}: has more values than there are columns")
            yield f"line {reader.line_num}", row


def _json_rows(manifest: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with manifest.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ValueError(f"{str(manifest)!r}, line {number}: is no JSON ({error})") from None
            if not isinstance(row, dict):
                raise ValueError(f'{str(manifest)!r}, line {number}: must be an object such as {{"path": ...}}')
            yield f"line {number}", row


def _parquet_rows(manifest: Path) -> Iterable[tuple[str, Mapping[str, Any]]]:
    require("pyarrow", purpose="a Parquet manifest")
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(manifest)
    return ((f"row {number}", row) for number, row in enumerate(table.to_pylist()))


_READERS = {".csv": _csv_rows, ".jsonl": _json_rows, ".parquet": _parquet_rows}
