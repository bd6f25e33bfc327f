"""DeepLabCut's tables, as .csv or .h5: a row for each frame, three columns for each body part of each individual.

    scorer,       pose_track, pose_track, pose_track, ...
    individuals,  person1,    person1,    person1,    ...
    bodyparts,    nose,       nose,       nose,       ...
    coords,       x,          y,          likelihood, ...
    0,            310.5,      200.0,      0.93,       ...

A table of one animal may lack the row "individuals". Missing values are empty. Layout: DeepLabCut's documentation,
"Multi-animal projects"; the .h5 holds the same table as pandas writes it, under the key "df_with_missing".
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.formats.motions import Motion, Motions, motions, sequence_of_motions, skeleton_of_markers
from pose_track.formats.validate import MAX_NUMBER
from pose_track.structures.arrays import Float64Array
from pose_track.structures.sequence import FrameInfo, FrameSource, PoseSequence
from pose_track.utils.atomic import atomic_path, atomic_text
from pose_track.utils.extras import require
from pose_track.utils.text_files import read_text

LAYOUT = "deeplabcut"
KEY = "df_with_missing"
_COORDS = ("x", "y", "likelihood")
_LEVELS = ("scorer", "individuals", "bodyparts", "coords")
_MAX_FRAMES = 5_000_000

Column = tuple[str, str, str]
"""Individual, body part and coordinate."""


def write_deeplabcut(source: FrameSource, path: str | Path) -> None:
    """Write the people with a track id; the file appears only when it is complete.

    path: a name with the suffix .h5 gets HDF5, any other CSV. A joint without a score has the likelihood 1. Raises
    ImportError for .h5 where pandas or tables are not installed, and ValueError as `motions` does.
    """
    path, video = Path(path), motions(source)
    columns, values = _columns(video), _values(video)
    if path.suffix == ".h5":
        _write_hdf(columns, values, path)
        return
    with atomic_text(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        header = [["pose_track"] * len(columns), *zip(*columns, strict=True)] if columns else [[]] * len(_LEVELS)
        for level, cells in zip(_LEVELS, header, strict=True):
            writer.writerow([level, *cells])
        for frame, row in enumerate(values.tolist()):
            writer.writerow([frame, *("" if value != value else value for value in row)])


def _columns(video: Motions) -> list[Column]:
    individuals = [f"person{person.track_id}" for person in video.people]
    return list(product(individuals, video.skeleton.joint_names, _COORDS))


def _values(video: Motions) -> Float64Array:
    """(F, C) the values of the columns."""
    joints, scores = video.arrays()
    likelihood = np.where(np.isnan(scores) & np.isfinite(joints[..., 0]), 1, scores)
    values = np.concatenate([joints, likelihood[..., None]], axis=-1)
    return values.reshape(len(values), values[0].size if len(values) else 0)


def _write_hdf(columns: Sequence[Column], values: Float64Array, path: Path) -> None:
    require("pandas", "tables", purpose="DeepLabCut's .h5")
    import pandas

    index = pandas.MultiIndex.from_tuples([("pose_track", *column) for column in columns], names=_LEVELS)
    frame = pandas.DataFrame(values, columns=index)
    with atomic_path(path) as temporary:
        frame.to_hdf(temporary, key=KEY)


def read_deeplabcut(path: str | Path) -> PoseSequence:
    """Read a table. Individuals get the number at the end of their names as ids, where each has one of its own, else
    1, 2, ... in their order.

    A body part without x or y is absent. Raises ValueError, with the file, for a table of another form, and ImportError
    for .h5 where pandas or tables are not installed.
    """
    path = Path(path)
    with path.open("rb") as file:
        is_hdf = file.read(4) == b"\x89HDF"
    columns, frames, values = _read_hdf(path) if is_hdf else _read_csv(path)
    individuals = list(dict.fromkeys(column[0] for column in columns))
    parts = list(dict.fromkeys(column[1] for column in columns))
    skeleton, order = skeleton_of_markers(parts, LAYOUT)
    table = np.full((int(frames.max(initial=-1)) + 1, len(individuals), len(parts), 3), np.nan)
    for number, (individual, part, coord) in enumerate(columns):
        if coord in _COORDS:
            place = individuals.index(individual), parts.index(part), _COORDS.index(coord)
            table[frames, place[0], place[1], place[2]] = values[:, number]
    absent = np.isnan(table[..., :2]).any(axis=-1, keepdims=True)
    table = np.where(absent, np.nan, table)[:, :, order]
    ids = track_ids_of(individuals)
    people = [Motion(id, 0, table[:, n, :, :2], table[:, n, :, 2]) for n, id in enumerate(ids)]
    infos = list(map(FrameInfo, range(len(table))))
    return sequence_of_motions(path.stem, skeleton, people, infos, LAYOUT, {})


def track_ids_of(names: Sequence[str]) -> list[int]:
    """Ids from 1 on of people with names.

    >>> track_ids_of(["person3", "person7"]), track_ids_of(["ind0", "ind1"]), track_ids_of(["Ann", "Bob"])
    ([3, 7], [1, 2], [1, 2])
    """
    numbers = [int(match[0]) for name in names if (match := re.search(r"\d{1,9}$", name))]
    if len(set(numbers)) < len(names):
        return list(range(1, len(names) + 1))
    return [number + (1 if min(numbers) < 1 else 0) for number in numbers]


def _read_csv(path: Path) -> tuple[list[Column], Any, Float64Array]:
    rows = list(csv.reader(read_text(path).splitlines()))
    num_levels = 3 if len(rows) > 2 and rows[1][:1] == ["bodyparts"] else 4
    expected = [level for level in _LEVELS if num_levels == 4 or level != "individuals"]
    header = rows[:num_levels]
    if [row[:1] for row in header] != [[level] for level in expected] or len({len(row) for row in header}) != 1:
        raise ValueError(f"{path} is not DeepLabCut's CSV: its first rows must be {', '.join(_LEVELS)}")
    columns = [_column(cells, path) for cells in zip(*(row[1:] for row in header[1:]), strict=True)]
    values = np.full((len(rows) - num_levels, len(columns)), np.nan)
    frames = np.zeros(len(values), np.int64)
    for n, row in enumerate(rows[num_levels:]):
        where = f"{path}, line {n + num_levels + 1}"
        if len(row) != len(columns) + 1:
            raise ValueError(f"{where}: {len(row)} cells, {len(columns) + 1} are expected")
        frames[n] = _frame(row[0], n, where)
        values[n] = [_number(cell, where) for cell in row[1:]]
    return columns, frames, values


def _column(cells: Sequence[str], path: Path) -> Column:
    individual, part, coord = cells if len(cells) == 3 else ("individual1", *cells)
    if coord not in (*_COORDS, "z"):
        raise ValueError(f"{path}: coords must be x, y or likelihood, got {coord!r}")
    return individual, part, coord


def _frame(cell: str, row: int, where: str) -> int:
    """The index of a frame; the row's number where the cell names an image, as in tables of labels."""
    if not cell.isdigit():
        return row
    frame = int(cell)
    if not frame < _MAX_FRAMES:
        raise ValueError(f"{where}: frame {frame} is too large")
    return frame


def _number(cell: str, where: str) -> float:
    try:
        value = float(cell) if cell.strip() else np.nan
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if abs(value) > MAX_NUMBER:
        raise ValueError(f"{where}: {cell} is too large")
    return value


def _read_hdf(path: Path) -> tuple[list[Column], Any, Float64Array]:
    require("pandas", "tables", purpose="DeepLabCut's .h5")
    import pandas

    table = pandas.DataFrame(pandas.read_hdf(path))
    if table.columns.nlevels not in (3, 4):
        raise ValueError(f"{path} is not DeepLabCut's table: its columns must have the levels {', '.join(_LEVELS)}")
    columns = [_column([str(cell) for cell in column[1:]], path) for column in table.columns.tolist()]
    frames = np.array([_frame(str(index), n, str(path)) for n, index in enumerate(table.index)], np.int64)
    return columns, frames, table.to_numpy(np.float64)
