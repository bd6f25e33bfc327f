"""AP and tracking figures for many pairs of thresholds, from one set of raw poses, linked by place and motion alone."""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path

from pose_track.benchmarks.posetrack.saved_poses import SavedPoses, read_saved
from pose_track.benchmarks.posetrack.submissions import as_sequence, link, without_joints
from pose_track.config.tracker import TrackerSettings
from pose_track.evaluation.posetrack import evaluate_posetrack
from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.structures.sequence import PoseSequence
from pose_track.utils.atomic import atomic_text

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Point:
    """Totals, in percent, of what is left over two thresholds: people below `person` are left out before they are
    linked, joints below `joint` afterwards."""

    person: float
    joint: float
    ap: float
    mota: float
    mot_precision: float
    mot_recall: float
    idf1: float
    hota: float


def parse_thresholds(text: str) -> tuple[float, ...]:
    """Thresholds in order, from numbers with commas between. Raises ValueError for any that is not from 0 to 1.

    >>> parse_thresholds("0.5,0,0.25,0.5")
    (0.0, 0.25, 0.5)
    """
    try:
        values = {float(word) for word in text.split(",")}
    except ValueError:
        values = {math.nan}
    if not all(0 <= value <= 1 for value in values):
        raise ValueError(f"thresholds must be numbers from 0 to 1 with commas between, got {text!r}")
    return tuple(sorted(values))


def load_run(run: Path, gt: Path) -> list[tuple[PoseSequence, SavedPoses]]:
    """PoseSequence and raw poses of every sequence that a run of the benchmark has and whose truth has people.

    run: the run's folder; gt: the folder of annotations. Raises FileNotFoundError or ValueError where there is nothing
    to compare.
    """
    files = sorted(gt.glob("*.json"))
    if not files:
        raise FileNotFoundError(f"there are no .json files in {str(gt)!r}; give the folder of annotations as --gt")
    kept = {file: run / "raw" / f"{file.stem}.jsonl" for file in files}
    lacking = [path.stem for path in kept.values() if not path.exists()]
    if len(lacking) == len(files):
        raise FileNotFoundError(f"{str(run)!r} has no raw poses of {lacking[0]}; give a folder of run_posetrack.py")
    if lacking:
        logger.warning(
            "%d of %d sequences have no raw poses and are left out: %s", len(lacking), len(files), lacking[0]
        )
    found = [(read_posetrack(file), read_saved(path)) for file, path in kept.items() if path.exists()]
    found = [(truth, raw) for truth, raw in found if truth.people.has_joint.any()]
    if not found:
        raise ValueError(f"{str(gt)!r} has no labelled people of the sequences in {str(run)!r}")
    return found


def sweep(
    run: Sequence[tuple[PoseSequence, SavedPoses]],
    tracker: TrackerSettings,
    persons: Iterable[float],
    joints: Sequence[float],
    mode: str = "poseval",
    step: Callable[[], None] = lambda: None,
) -> list[Point]:
    """A point for every pair of thresholds, person by person threshold.

    People are linked once for each person threshold, for joints are left out after that; see `link` for what of the
    tracker counts. step is called after each point.
    """
    points = []
    for person in persons:
        linked = [(truth, as_sequence(truth, link(raw, tracker, person))) for truth, raw in run]
        for joint in joints:
            pairs = [(truth, without_joints(sequence, joint)) for truth, sequence in linked]
            found = evaluate_posetrack(pairs).modes[mode]
            figures = [float(getattr(found, field.name)[-1]) for field in fields(Point)[2:]]
            points.append(Point(person, joint, *figures))
            step()
    return points


def best_mota(points: Iterable[Point]) -> Point | None:
    """The point of the highest MOTA; None where it is defined nowhere."""
    defined = [point for point in points if not math.isnan(point.mota)]
    return max(defined, key=lambda point: point.mota, default=None)


def sweep_table(points: Sequence[Point]) -> str:
    """MOTA, of people linked without pictures, and AP as two tables: a line a person threshold, a column a joint
    threshold; the best MOTA is marked."""
    best = best_mota(points)
    tables = [_grid(points, "MOTA", best), _grid(points, "AP", None)]
    told = (
        "MOTA is defined nowhere"
        if best is None
        else f"* best MOTA {best.mota:.1f} (AP {best.ap:.1f}) at person {best.person:g}, joint {best.joint:g}; "
        "linked without pictures"
    )
    return "\n\n".join([*tables, told])


def _grid(points: Sequence[Point], figure: str, marked: Point | None) -> str:
    rows = [(person, list(row)) for person, row in groupby(points, key=lambda point: point.person)]
    lines = [f"{figure:<6}" + "".join(f"{f'j {point.joint:g}':>8}" for point in rows[0][1])]
    for person, row in rows:
        cells = (_cell(getattr(point, figure.lower()), point is marked) for point in row)
        lines.append(f"{f'p {person:g}':<6}" + "".join(cells))
    return "\n".join(lines)


def _cell(value: float, is_marked: bool) -> str:
    shown = "-" if math.isnan(value) else f"{value:.1f}"
    return f"{shown + '*' if is_marked else shown + ' ':>8}"


def write_csv(points: Iterable[Point], path: Path) -> None:
    """A line a point, with four decimals; empty where a figure is undefined."""
    names = [field.name for field in fields(Point)]
    with atomic_text(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for point in points:
            values = [getattr(point, name) for name in names]
            writer.writerow(["" if math.isnan(value) else round(value, 4) for value in values])
