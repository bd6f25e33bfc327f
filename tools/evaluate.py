#!/usr/bin/env python3
"""Measure poses and tracks against PoseTrack truth: tools/evaluate.py --gt DIR --pred DIR; see docs/evaluation.md."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from pose_track.cli.parser import Parser, guarded


def run(options: argparse.Namespace) -> int:
    from pose_track.evaluation.pairing import load_pairs
    from pose_track.evaluation.posetrack import evaluate_posetrack
    from pose_track.evaluation.report import evaluation_json, extent, report
    from pose_track.formats.problems import Problems

    problems = Problems(options.lenient)
    pairs = load_pairs(options.gt, options.pred, problems)
    problems.summarise()
    evaluation = evaluate_posetrack(pairs)
    if options.json:
        text = json.dumps(evaluation_json(evaluation, per_sequence=True), indent=1, allow_nan=False)
        options.json.write_text(text + "\n", encoding="utf-8")
    print(extent(pairs))
    print(report(evaluation, options.mode, options.latex, options.per_sequence))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="evaluate.py", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--gt", required=True, help="the truth: a folder of one JSON a sequence, or one file; PoseTrack 17, 18 or 21")
    add("--pred", required=True, help="the predictions, under the same file names; the layout may be another")
    add("--mode", choices=("poseval", "clean"), default="poseval", help="whose table is shown; both are computed")
    add("--json", type=Path, help="a file for all figures, of each joint, in both modes, also of each sequence")
    add("--per-sequence", action="store_true", help="also a line a sequence")
    add("--latex", action="store_true", help="also the table as a LaTeX tabular")
    add("--lenient", action="store_true", help="leave out what cannot be evaluated and say how much that was")
    options = parser.parse_args(arguments)
    return guarded(lambda: run(options))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    sys.exit(main())
