"""Measure people: joint angles, speeds, centre of mass and steps, with the unit in the name of each column.

Writes DIR/angles.csv, a row for each person and frame; DIR/kinematics.parquet, a row for each value; and
DIR/summary.csv, a row for each person. --motion adds files of smoothed motion for OpenSim and others.
docs/analysis.md states the conventions.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.choice_options import add_choice, chosen_people
from pose_track.cli.options import add_overwrite, add_skeleton, chosen_skeleton
from pose_track.cli.parser import Parser
from pose_track.cli.space_options import add_space, chosen_conditions

if TYPE_CHECKING:
    from pose_track.analysis.analyse import Conditions
    from pose_track.analysis.kinematics import Kinematics
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
    add("--min-score", type=float, default=0.3, metavar="S", help="joints with a lower score count as not seen")
    add("--sex", choices=("female", "male", "mean"), default="mean", help="whose segment masses are taken")
    add_space(parser)
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

    choice = chosen_people(options)
    outputs = [options.out / name for name in FILES]
    for path in outputs if options.report is None else [*outputs, _report_path(options.report)]:
        check_output_file(path, options.overwrite, [options.path])
    result = open_result(options.path, options.video, chosen_skeleton(options))
    choice.check_region(result.width, result.height)
    conditions = chosen_conditions(options, result)
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
