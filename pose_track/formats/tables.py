"""Tidy tables, one row for each present joint: frame, seconds, track, joint, x, y, score, image.

frame: frame index, from 0.
seconds: presentation time of the frame.
track: track id.
joint: joint name.
x, y: pixels.
image: name of the frame's image.

Missing values are empty. CSV keeps every digit; Parquet has types, each field's unit as its metadata, and the name of
the source and of this program as those of the file.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pose_track.structures.sequence import FrameInfo, FrameSource, PoseAnnotations
from pose_track.structures.skeleton import Skeleton
from pose_track.utils.atomic import atomic_path, atomic_text
from pose_track.utils.extras import require
from pose_track.utils.version import __version__

if TYPE_CHECKING:
    import pyarrow

COLUMNS = ("frame", "seconds", "track", "joint", "x", "y", "score", "image")
_UNITS = {"seconds": "s", "x": "px", "y": "px"}

Row = tuple[int, float | None, int | None, str, float, float, float | None, str | None]

# rows in memory: a few megabytes
_ROWS_PER_BATCH = 2**16


def write_csv(source: FrameSource, path: str | Path) -> None:
    """Write the joints of all people as CSV with a header; the file appears only when it is complete."""
    with atomic_text(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for info, people in source:
            writer.writerows(_rows(info, people, source.skeleton))


def write_parquet(source: FrameSource, path: str | Path) -> None:
    """Write the joints of all people as Parquet; the file appears only when it is complete.

    Raises ImportError where pyarrow is not installed.
    """
    require("pyarrow", purpose="the format parquet")
    import pyarrow.parquet

    schema = _schema(source.name)
    with atomic_path(path) as temporary, pyarrow.parquet.ParquetWriter(temporary, schema) as writer:
        for rows in _batches(source):
            columns = [list(column) for column in zip(*rows, strict=True)]
            writer.write_table(pyarrow.table(columns, schema=schema))


def _schema(source_name: str) -> pyarrow.Schema:
    import pyarrow

    number, text = pyarrow.float64(), pyarrow.string()
    types = (pyarrow.int64(), number, pyarrow.int64(), text, number, number, number, text)
    fields = [
        pyarrow.field(name, type, metadata={"unit": _UNITS[name]} if name in _UNITS else None)
        for name, type in zip(COLUMNS, types, strict=True)
    ]
    return pyarrow.schema(fields, {"source": source_name, "creator": f"pose_track {__version__}"})


def _batches(source: FrameSource) -> Iterator[list[Row]]:
    rows: list[Row] = []
    for info, people in source:
        rows += _rows(info, people, source.skeleton)
        if len(rows) >= _ROWS_PER_BATCH:
            yield rows
            rows = []
    if rows:
        yield rows


def _rows(info: FrameInfo, people: PoseAnnotations, skeleton: Skeleton) -> Iterator[Row]:
    n, k = np.nonzero(people.has_joint)
    positions, scores = people.joints[n, k].tolist(), people.joint_scores[n, k].tolist()
    track_ids = people.track_ids[n].tolist()
    for track_id, joint, (x, y), score in zip(track_ids, k.tolist(), positions, scores, strict=True):
        yield (
            info.index,
            info.pts_seconds,
            None if track_id < 0 else track_id,
            skeleton.joint_names[joint],
            x,
            y,
            None if math.isnan(score) else score,
            info.image_name or None,
        )
