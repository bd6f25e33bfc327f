"""What became of all videos of a batch, as tables: summary.csv, summary.parquet, summary.html, and failed.jsonl."""

from __future__ import annotations

import csv
import html
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from pose_track.batch.journal import Row
from pose_track.utils.atomic import atomic_path, atomic_text
from pose_track.utils.extras import require

COLUMNS = ("video", "status", "frames", "people", "tracks", "faults", "seconds", "fps", "attempts", "reason", "source")
FAILED_FILE = "failed.jsonl"

_STYLE = "body{font:14px sans-serif}td,th{padding:2px 10px;text-align:left}.failed{color:#b00}.n{text-align:right}"


def write_tables(rows: Sequence[Row], out: Path, formats: Iterable[str] = ("csv",)) -> None:
    """Write the failures, and the summary in some of FORMATS. Raises ImportError for Parquet without pyarrow."""
    for name in formats:
        _WRITERS[name](rows, out / f"summary.{name}")
    with atomic_text(out / FAILED_FILE) as file:
        for row in rows:
            if row.status == "failed":
                fields = ("video", "source", "reason", "attempts", "at", "log_tail")
                file.write(json.dumps({name: getattr(row, name) for name in fields}) + "\n")


def check_formats(formats: Iterable[str]) -> None:
    """Raises ImportError where a format needs a package that is missing."""
    if "parquet" in formats:
        require("pyarrow", purpose="the summary as Parquet")


def _values(row: Row) -> dict[str, Any]:
    """The columns of a row; figures are None where there are none."""
    named = {name: getattr(row.figures, name, None) for name in COLUMNS[2:8]}
    return {"video": row.video, "status": row.status, **named, "attempts": row.attempts, "reason": row.reason,
            "source": row.source}  # fmt: skip


def _write_csv(rows: Sequence[Row], path: Path) -> None:
    with atomic_text(path) as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_printable(_values(row)) for row in rows)


def _write_parquet(rows: Sequence[Row], path: Path) -> None:
    import pyarrow.parquet

    number, text = pyarrow.int64(), pyarrow.string()
    types = (text, text, *[number] * 4, pyarrow.float64(), pyarrow.float64(), number, text, text)
    table = pyarrow.Table.from_pylist(
        [_printable(_values(row)) for row in rows], pyarrow.schema(list(zip(COLUMNS, types, strict=True)))
    )
    with atomic_path(path) as temporary:
        pyarrow.parquet.write_table(table, temporary)


def _write_html(rows: Sequence[Row], path: Path) -> None:
    with atomic_text(path) as file:
        file.write(f'<!doctype html><meta charset="utf-8"><title>batch</title><style>{_STYLE}</style><table><tr>')
        file.write("".join(f"<th>{name}</th>" for name in COLUMNS))
        for row in rows:
            file.write(f'</tr>\n<tr class="{row.status}">' + "".join(map(_cell, _printable(_values(row)).values())))
        file.write("</tr></table>\n")


def _cell(value: object) -> str:
    kind = "" if isinstance(value, str) else ' class="n"'
    return f"<td{kind}>{'' if value is None else html.escape(str(value))}</td>"


def _printable(values: dict[str, Any]) -> dict[str, Any]:
    """The values, with escapes for bytes of file names that are no UTF-8."""
    return {
        name: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        for name, value in values.items()
    }


_WRITERS: dict[str, Callable[[Sequence[Row], Path], None]] = {
    "csv": _write_csv,
    "parquet": _write_parquet,
    "html": _write_html,
}
FORMATS = tuple(_WRITERS)
