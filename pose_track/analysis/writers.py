"""Writing tables of measures, and the description of their columns."""

from __future__ import annotations

import csv
from itertools import islice
from math import isnan
from pathlib import Path

from pose_track.analysis.tables import TIDY_COLUMNS, Cell, Table
from pose_track.utils.atomic import atomic_path, atomic_text
from pose_track.utils.extras import require

_DECIMALS = 6
_ROWS_PER_BATCH = 2**16


def write_csv_table(table: Table, path: Path) -> None:
    """Write a table with a line of column names; the file appears only when it is complete. Empty is not known."""
    columns, rows = table
    with atomic_text(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(map(_written, row))


def _written(cell: Cell) -> Cell:
    if not isinstance(cell, float):
        return cell
    return None if isnan(cell) else round(cell, _DECIMALS)


def write_tidy_parquet(table: Table, path: Path) -> None:
    """Write a table of TIDY_COLUMNS as Parquet. Raises ImportError without pyarrow."""
    require("pyarrow", purpose="Parquet files")
    import pyarrow
    import pyarrow.parquet

    types = (pyarrow.int64(), pyarrow.float64(), *(pyarrow.string(),) * 3, pyarrow.float64())
    schema = pyarrow.schema(list(zip(TIDY_COLUMNS, types, strict=True)))
    _, rows = table
    with atomic_path(path) as temporary, pyarrow.parquet.ParquetWriter(temporary, schema) as writer:
        while batch := list(islice(rows, _ROWS_PER_BATCH)):
            columns = [list(column) for column in zip(*batch, strict=True)]
            writer.write_table(pyarrow.table(columns, schema=schema))
