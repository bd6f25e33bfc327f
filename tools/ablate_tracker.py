#!/usr/bin/env python3
"""What each part of a tracker is worth: tools/ablate_tracker.py --gt DIR --pred DIR, or --gt FILE --video FILE."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pose_track.benchmarks import ablation as parts
from pose_track.cli.parser import Parser, guarded, take_overrides
from pose_track.config.load import configs_folder
from pose_track.linking.files import parse_fps


def run(words: Sequence[str]) -> int:
    overrides, others = take_overrides(words)
    given = parse(others)
    choice = parts.Choice(given.preset, overrides, given.only)
    drops = parts.Drops(given.min_person_score, given.min_joint_score)
    if given.video:
        runs = parts.runs_of_video(given.gt, given.video, given.config, choice, drops)
    else:
        runs = parts.runs_of_files(given.gt, given.pred, choice, parse_fps(given.fps), drops)
        runs |= parts.runs_of_oracle(given.gt, given.oracle, drops)
    rows = parts.measured(runs, lambda line: print(line, flush=True))
    if given.json:
        told = {"preset": given.preset, "overrides": overrides, **asdict(drops), "rows": [asdict(row) for row in rows]}
        given.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    epilog = "Settings of the tracker, and with --video all others, can be given as --section.name VALUE"
    parser = Parser(prog="ablate_tracker.py", description=__doc__, epilog=epilog, allow_abbrev=False)
    add, source = parser.add_argument, parser.add_mutually_exclusive_group(required=True)
    add("--gt", type=Path, required=True, help="truth in a layout of PoseTrack: a folder, or a video's file")
    source.add_argument("--pred", type=Path, nargs="+", help="poses to link: folders with files of the same names")
    source.add_argument("--video", type=Path, help="a video in which people are found and tracked")
    add("--oracle", type=Path, nargs="+", default=[], help="with --pred: the same poses with their true ids")
    add("--fps", default="25", help="with --pred: frames per second")
    add("--config", type=Path, default=configs_folder() / "fast.yaml", help="with --video: settings of everything else")
    add("--preset", default="robust", help="the whole tracker: robust (the default), fast or simple_baselines")
    add("--only", nargs="+", default=[], metavar="NAME", help="variants, by the names in the table")
    add("--min-person-score", type=float, default=0, metavar="S", help="leave out people below it, after tracking")
    add("--min-joint-score", type=float, default=0, metavar="S", help="leave out joints below it, after tracking")
    add("--json", type=Path, help="a file for the figures")
    return parser.parse_known_words(words)


def main(arguments: Sequence[str] | None = None) -> int:
    return guarded(lambda: run(sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    sys.exit(main())
