"""AP and tracking metrics for pairs of score thresholds, from one set of raw poses that are linked without images."""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path

from pose_track.benchmarks.posetrack.saved_poses import SavedPoses, read_saved_poses
from pose_track.benchmarks.posetrack.submissions import link_raw_poses, saved_prediction, tracking_submission
from pose_track.config.tracker import TrackerSettings
from pose_track.evaluation.posetrack import evaluate_posetrack
from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.structures.sequence import PoseSequence
from pose_track.utils.atomic import atomic_text

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SweepPoint:
    """Totals in percent for one pair of thresholds.

    person: people below it are dropped before they are linked.
    joint: joints below it are dropped after linking.
    """

    person: float
    joint: float
    ap: float
    mota: float
    mot_precision: float
    mot_recall: float
    idf1: float
    hota: float


def parse_thresholds(text: str) -> tuple[float, ...]:
    """Comma-separated thresholds, sorted and without duplicates. Raises ValueError for one that is not in [0, 1].

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
    """Ground truth and raw poses of every sequence of a run that has labelled people.

    run: folder of the run.
    gt: folder of the annotations.

    Raises FileNotFoundError or ValueError where there is nothing to compare.
    """
    files = sorted(gt.glob("*.json"))
    if not files:
        raise FileNotFoundError(f"there are no .json files in {str(gt)!r}; give the folder of annotations as --gt")
    raw_files = {file: run / "raw" / f"{file.stem}.jsonl" for file in files}
    missing = [path.stem for path in raw_files.values() if not path.exists()]
    if len(missing) == len(files):
        raise FileNotFoundError(
            f"{str(run)!r} has no raw poses of {missing[0]}; give the --out of pose-track posetrack as --run"
        )
    if missing:
        logger.warning(
            "%d of %d sequences have no raw poses and are left out: %s", len(missing), len(files), missing[0]
        )
    loaded = [(read_posetrack(file), read_saved_poses(path)) for file, path in raw_files.items() if path.exists()]
    labelled = [(sequence, raw) for sequence, raw in loaded if sequence.people.has_joint.any()]
    if not labelled:
        raise ValueError(f"{str(gt)!r} has no labelled people of the sequences in {str(run)!r}")
    return labelled


def sweep(
    run: Sequence[tuple[PoseSequence, SavedPoses]],
    tracker: TrackerSettings,
    person_thresholds: Iterable[float],
    joint_thresholds: Sequence[float],
    mode: str = "poseval",
    step: Callable[[], None] = lambda: None,
) -> list[SweepPoint]:
    """A point for each pair of thresholds, ordered by person threshold, then by joint threshold.

    People are linked once for each person threshold; see `link_raw_poses` for the settings of the tracker that count.

    run: ground truth and raw poses of each sequence.
    step: called after each point.
    """
    points = []
    for person in person_thresholds:
        linked = [(gt, saved_prediction(gt, link_raw_poses(raw, tracker, person))) for gt, raw in run]
        for joint in joint_thresholds:
            pairs = [(gt, tracking_submission(prediction, joint)) for gt, prediction in linked]
            metrics = evaluate_posetrack(pairs).modes[mode]
            totals = [float(getattr(metrics, field.name)[-1]) for field in fields(SweepPoint)[2:]]
            points.append(SweepPoint(person, joint, *totals))
            step()
    return points


def best_mota(points: Iterable[SweepPoint]) -> SweepPoint | None:
    """The point with the highest MOTA; None where MOTA is undefined at all points."""
    defined = [point for point in points if not math.isnan(point.mota)]
    return max(defined, key=lambda point: point.mota, default=None)


def sweep_table(points: Sequence[SweepPoint]) -> str:
    """Two tables, MOTA and AP: one row a person threshold, one column a joint threshold; "*" marks the best MOTA."""
    best = best_mota(points)
    tables = [_table(points, "MOTA", best), _table(points, "AP", None)]
    summary = (
        "MOTA is undefined at all thresholds"
        if best is None
        else f"* best MOTA {best.mota:.1f} (AP {best.ap:.1f}) at person {best.person:g}, joint {best.joint:g}; "
        "linked without images"
    )
    return "\n\n".join([*tables, summary])


def _table(points: Sequence[SweepPoint], metric: str, marked: SweepPoint | None) -> str:
    rows = [(person, list(row)) for person, row in groupby(points, key=lambda point: point.person)]
    lines = [f"{metric:<6}" + "".join(f"{f'j {point.joint:g}':>8}" for point in rows[0][1])]
    for person, row in rows:
        cells = (_cell(getattr(point, metric.lower()), point is marked) for point in row)
        lines.append(f"{f'p {person:g}':<6}" + "".join(cells))
    return "\n".join(lines)


def _cell(value: float, is_marked: bool) -> str:
    text = "-" if math.isnan(value) else f"{value:.1f}"
    return f"{text + '*' if is_marked else text + ' ':>8}"


def write_csv(points: Iterable[SweepPoint], path: Path) -> None:
    """Write one row a point, to four decimals; a cell is empty where the metric is undefined."""
    names = [field.name for field in fields(SweepPoint)]
    with atomic_text(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for point in points:
            values = [getattr(point, name) for name in names]
            writer.writerow(["" if math.isnan(value) else round(value, 4) for value in values])
