"""Evaluate poses and tracks against PoseTrack ground truth: AP, MOTA, IDF1, HOTA; see docs/evaluation.md."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.options import add_lenient
from pose_track.cli.parser import Parser

if TYPE_CHECKING:
    from pose_track.evaluation.sequence_pairs import SequencePair


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "--gt",
        required=True,
        help="ground truth of PoseTrack 17, 18 or 21: a folder of one JSON per sequence, or a file",
    )
    add(
        "--pred",
        required=True,
        metavar="PATH",
        help="predictions under the same file names, the layout may be another; or one file, also a tracks.jsonl",
    )
    add("--mode", choices=("poseval", "clean"), default="poseval", help="table to print; both are computed")
    add("--json", type=Path, metavar="FILE", help="write all metrics of each joint, mode and sequence")
    add("--per-sequence", action="store_true", help="also print a line per sequence")
    add("--latex", action="store_true", help="also print the table as a LaTeX tabular")
    add(
        "--plots", type=Path, metavar="DIR", help="write plots of the errors by joint, sequence and distance (PDF, PNG)"
    )
    add_lenient(parser)


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.evaluation.posetrack import evaluate_posetrack
    from pose_track.evaluation.report import data_summary, evaluation_json, format_report
    from pose_track.evaluation.sequence_pairs import load_pairs
    from pose_track.formats.problems import Problems

    problems = Problems(options.lenient)
    pairs = load_pairs(options.gt, options.pred, problems)
    problems.log_summary()
    evaluation = evaluate_posetrack(pairs)
    if options.json:
        text = json.dumps(evaluation_json(evaluation, per_sequence=True), indent=1, allow_nan=False)
        options.json.write_text(text + "\n", encoding="utf-8")
    if options.plots:
        _write_plots(pairs, options.plots)
    print(data_summary(pairs))
    print(format_report(evaluation, options.mode, options.latex, options.per_sequence))
    return 0


def _write_plots(pairs: list[SequencePair], folder: Path) -> None:
    from pose_track.evaluation.joint_errors import joint_errors
    from pose_track.plots.errors import plot_distances, plot_joint_errors, plot_sequence_errors
    from pose_track.plots.figure import saved_axes

    errors = joint_errors(pairs)
    by_sequence = {gt.name: joint_errors([(gt, prediction)]) for gt, prediction in pairs}
    for suffix in (".pdf", ".png"):
        with saved_axes(folder / f"errors_by_joint{suffix}", 6, 3.2) as axes:
            plot_joint_errors(axes, errors)
        with saved_axes(folder / f"errors_by_sequence{suffix}", 6, 1 + 0.2 * len(by_sequence)) as axes:
            plot_sequence_errors(axes, by_sequence)
        with saved_axes(folder / f"distances{suffix}", 5, 3) as axes:
            plot_distances(axes, errors)
