"""The measures of people as tables, with the unit of each column in its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from pose_track.analysis.kinematics import Kinematics, PointMotion
from pose_track.structures.arrays import Float64Array

Cell = float | int | str | None
Table = tuple[Sequence[str], Iterator[Sequence[Cell]]]
"""Names of the columns, and rows; None or NaN for a value that is not known."""

TIDY_COLUMNS = ("frame", "seconds", "person", "measure", "unit", "value")


def wide_columns(kinematics: Kinematics, unit: str) -> dict[str, Float64Array]:
    """(T,) values by column name.

    Joint angles and segment angles in `_deg`, their rates in `_deg_per_s`; positions of the joints and of the centre of
    mass in the unit, x to the right and y down; speeds and accelerations in the unit per second and second squared.

    unit: of positions, "px" or "m".
    """
    columns: dict[str, Float64Array] = {}
    for name, angle in kinematics.joint_angles.items():
        columns[f"{name}_deg"], columns[f"{name}_deg_per_s"] = angle.degrees, angle.degrees_per_second
    for name, angle in kinematics.segment_angles.items():
        columns[f"{name}_segment_deg"] = angle.degrees
        columns[f"{name}_segment_deg_per_s"] = angle.degrees_per_second
    columns |= _motion_columns("centre_of_mass", kinematics.centre, unit)
    for name, motion in kinematics.joints.items():
        columns |= _motion_columns(name, motion, unit)
    return columns


def _motion_columns(name: str, motion: PointMotion, unit: str) -> dict[str, Float64Array]:
    return {
        f"{name}_x_{unit}": motion.position[:, 0],
        f"{name}_y_{unit}": motion.position[:, 1],
        f"{name}_speed_{unit}_per_s": motion.speed,
        f"{name}_acceleration_{unit}_per_s2": np.asarray(np.hypot(*motion.acceleration.T)),
    }


def wide_table(people: Iterable[tuple[Kinematics, str]], names: Mapping[int, str]) -> Table:
    """A row for each person and frame. people: each with the unit of positions. names: of people, by id."""
    people = list(people)
    tables = [(kinematics, wide_columns(kinematics, unit)) for kinematics, unit in people]
    columns = list(dict.fromkeys(name for _, table in tables for name in table))
    return ("frame", "seconds", "person", "view", *columns), _wide_rows(tables, columns, names)


def _wide_rows(
    tables: Sequence[tuple[Kinematics, Mapping[str, Float64Array]]], columns: Sequence[str], names: Mapping[int, str]
) -> Iterator[Sequence[Cell]]:
    for kinematics, table in tables:
        trajectory = kinematics.trajectory
        person = names.get(trajectory.track_id, trajectory.track_id)
        values = [table[name].tolist() if name in table else [np.nan] * len(trajectory.frames) for name in columns]
        heads = zip(trajectory.frames.tolist(), trajectory.seconds.tolist(), kinematics.view.tolist(), strict=True)
        for (frame, seconds, view), row in zip(heads, zip(*values, strict=True), strict=True):
            yield (frame, round(seconds, 6), person, view or None, *row)


def tidy_table(people: Iterable[tuple[Kinematics, str]], names: Mapping[int, str]) -> Table:
    """A row for each value that is known: TIDY_COLUMNS, with the unit as a column of its own."""
    return TIDY_COLUMNS, _tidy_rows(people, names)


def _tidy_rows(people: Iterable[tuple[Kinematics, str]], names: Mapping[int, str]) -> Iterator[Sequence[Cell]]:
    for kinematics, unit in people:
        trajectory = kinematics.trajectory
        person = names.get(trajectory.track_id, str(trajectory.track_id))
        for column, values in wide_columns(kinematics, unit).items():
            measure, value_unit = split_unit(column, unit)
            for place in np.flatnonzero(np.isfinite(values)).tolist():
                yield (
                    int(trajectory.frames[place]),
                    round(float(trajectory.seconds[place]), 6),
                    person,
                    measure,
                    value_unit,
                    float(values[place]),
                )


def split_unit(column: str, unit: str) -> tuple[str, str]:
    """The name of a measure and its unit.

    >>> split_unit("left_knee_deg_per_s", "px"), split_unit("nose_acceleration_m_per_s2", "m")
    (('left_knee', 'deg/s'), ('nose_acceleration', 'm/s2'))
    """
    for suffix in (f"{unit}_per_s2", f"{unit}_per_s", "deg_per_s", "deg", unit):
        if column.endswith(f"_{suffix}"):
            return column.removesuffix(f"_{suffix}"), suffix.replace("_per_", "/")
    raise ValueError(f"{column} has no unit")
