"""Measure people: joint angles, speeds, centre of mass and steps, with the unit in the name of each column.

Writes DIR/angles.csv, a row for each person and frame; DIR/kinematics.parquet, a row for each value; and
DIR/summary.csv, a row for each person. --motion adds files of smoothed motion for OpenSim and others.
docs/analysis.md states the conventions.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from math import hypot, inf
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.choice_options import add_choice, chosen_people, point
from pose_track.cli.options import add_overwrite, add_skeleton, chosen_skeleton
from pose_track.cli.parser import Parser

if TYPE_CHECKING:
    from pose_track.analysis.analyse import Conditions
    from pose_track.analysis.kinematics import Kinematics
    from pose_track.analysis.space import Floor
    from pose_track.results.result import Result

logger = logging.getLogger(__name__)

ANGLES, KINEMATICS, SUMMARY = FILES = "angles.csv", "kinematics.parquet", "summary.csv"

_MIN_ROLL = 2.0  # degrees
_MOTION_FORMATS = ("trc", "c3d", "bvh", "mot")


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("path", type=Path, metavar="RESULT", help="a result folder, a tracks.jsonl or a pose file of another program")
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the tables")
    add("--report", type=Path, metavar="FILE", help="also write a report, an .html with a page for each person")
    add(
        "--motion",
        nargs="+",
        choices=_MOTION_FORMATS,
        default=[],
        metavar="FORMAT",
        help="also write a file for each person: trc, c3d and bvh hold smoothed joints, mot joint angles",
    )
    add("--video", type=Path, metavar="SOURCE", help="its video or folder of images (default: as the result names it)")
    add("--height", action="append", default=[], metavar="[ID=]M", help="body height in metres, of a person or of all")
    add("--scale", nargs=3, metavar=("X1,Y1", "X2,Y2", "M"), help="two points in pixels and the metres between them")
    add(
        "--floor",
        nargs="+",
        metavar="X,Y=U,V",
        help="four points or more of the floor, in pixels and in metres, such as 100,620=0,0",
    )
    add(
        "--speed-factor",
        type=float,
        default=1.0,
        metavar="F",
        help="speed of the video over that of life, such as 0.125",
    )
    add("--min-score", type=float, default=0.3, metavar="S", help="joints with a lower score count as not seen")
    add("--sex", choices=("female", "male", "mean"), default="mean", help="whose segment masses are taken")
    add_choice(parser)
    add_skeleton(parser)
    add_overwrite(parser)


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.analysis.analyse import analyse
    from pose_track.analysis.summary import summarise
    from pose_track.analysis.tables import tidy_table, wide_table
    from pose_track.analysis.writers import write_csv_table, write_tidy_parquet
    from pose_track.results.open_result import open_result
    from pose_track.utils.extras import install_command, missing_modules
    from pose_track.utils.overwrite import check_output_file

    conditions = _conditions(options)
    choice = chosen_people(options)
    outputs = [options.out / name for name in FILES]
    for path in outputs if options.report is None else [*outputs, _report_path(options.report)]:
        check_output_file(path, options.overwrite, [options.path])
    result = open_result(options.path, options.video, chosen_skeleton(options))
    choice.check_region(result.width, result.height)
    people = analyse(choice(result), conditions)
    if not people:
        raise ValueError(f"{str(options.path)!r} has nobody in six frames or more; there is nothing to measure")
    options.out.mkdir(parents=True, exist_ok=True)
    write_csv_table(wide_table(people, result.names), options.out / ANGLES)
    if missing_modules("pyarrow"):
        print(f"{KINEMATICS} needs pyarrow: {install_command('pyarrow')}")
    else:
        write_tidy_parquet(tidy_table(people, result.names), options.out / KINEMATICS)
    rows = [summarise(kinematics, unit) for kinematics, unit in people]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    write_csv_table((columns, iter([[row.get(name) for name in columns] for row in rows])), options.out / SUMMARY)
    _write_motion(people, result, options)
    if options.report is not None:
        _write_report(options.report, people, result, conditions)
    units = " and ".join(sorted({unit for _, unit in people}))
    number = f"{len(people)} people" if len(people) > 1 else "1 person"
    print(f"{options.path} -> {options.out}: {number}, positions in {units}")
    if conditions.floor is None:
        _suggest_level([kinematics for kinematics, _ in people])
    return 0


def _suggest_level(people: Sequence[Kinematics]) -> None:
    """Print a line where feet stand on one that is not level."""
    from pose_track.analysis.level import suggested_roll

    roll = suggested_roll(people)
    if roll is not None and abs(roll) >= _MIN_ROLL:
        print(
            f"feet stand on a line that falls by {roll:.1f} degrees to the right: if the floor is level and nobody "
            "comes nearer on the way, the camera is rolled by as much, and angles against the vertical are off by it"
        )


def _write_motion(people: Sequence[tuple[Kinematics, str]], result: Result, options: argparse.Namespace) -> None:
    from pose_track.analysis.motion_files import motion_path, write_motion
    from pose_track.utils.overwrite import check_output_file

    name = (result.source or result.path).stem
    for format in options.motion:
        for kinematics, unit in people:
            path = motion_path(options.out, name, kinematics.trajectory.track_id, format)
            check_output_file(path, options.overwrite, [options.path])
            try:
                write_motion(kinematics, unit, name, path)
            except ValueError as error:
                logger.warning("%s; left out of %s", error, format)


def _report_path(path: Path) -> Path:
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--report writes an .html, got {str(path)!r}")
    return path


def _write_report(path: Path, people: Sequence[tuple[Kinematics, str]], result: Result, conditions: Conditions) -> None:
    from datetime import date

    from pose_track.report.facts import report_facts
    from pose_track.report.page import Source, write_report

    source = Source(list(result), result.source, result.fps)
    facts = report_facts(result.path, result.source, result.header, conditions, date.today().isoformat())
    title = f"Movement of people in {(result.source or result.path).name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_report(path, title, people, result.names, source, conditions.min_score, facts)


def _conditions(options: argparse.Namespace) -> Conditions:
    """Raises ValueError, naming the option, for values that cannot be."""
    from pose_track.analysis.analyse import Conditions

    given = [name for name in ("height", "scale", "floor") if getattr(options, name)]
    if len(given) > 1:
        raise ValueError(f"--{given[0]} and --{given[1]} both say what a metre is; give one of them")
    if not 0 < options.speed_factor < inf:
        raise ValueError(f"--speed-factor must be a number above 0, got {options.speed_factor}")
    return Conditions(
        options.min_score,
        options.sex,
        dict(map(_height, options.height)),
        _scale(options.scale) if options.scale else None,
        _floor(options.floor) if options.floor else None,
        options.speed_factor,
    )


def _height(text: str) -> tuple[int | None, float]:
    person, _, metres = text.rpartition("=")
    try:
        height = float(metres)
        track_id = int(person) if person else None
    except ValueError:
        raise ValueError(f"--height takes metres, such as 1.75 or 3=1.75 for person 3, got {text!r}") from None
    if not 0.3 <= height <= 3:
        raise ValueError(f"--height {height:g} is no body height in metres")
    return track_id, height


def _scale(texts: list[str]) -> float:
    """Metres per pixel."""
    (x1, y1), (x2, y2) = (point(text, "--scale") for text in texts[:2])
    pixels = hypot(x2 - x1, y2 - y1)
    try:
        metres = float(texts[2])
    except ValueError:
        metres = 0.0
    if not (metres > 0 and pixels > 0):
        raise ValueError(f"--scale takes two different points and a distance above 0 in metres, got {' '.join(texts)}")
    return metres / pixels


def _floor(texts: list[str]) -> Floor:
    import numpy as np

    from pose_track.analysis.space import Floor

    pairs = [text.split("=") for text in texts]
    if not all(len(pair) == 2 for pair in pairs):
        raise ValueError("--floor takes points X,Y=U,V in pixels and metres, such as 100,620=0,0")
    pixels, metres = (np.array([point(pair[i], "--floor") for pair in pairs]) for i in (0, 1))
    return Floor.from_points(pixels, metres)
