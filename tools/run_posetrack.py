#!/usr/bin/env python3
"""Measure on PoseTrack: tools/run_posetrack.py --root DATA --year 2018 --split val --out DIR [--section.name value].

Into DIR go raw/ and tracked/ (every pose found, and who got an identity; both kept when the run is repeated), ap/ and
mota/ (what is submitted for the two kinds of figures), report.md and report.json.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from pose_track.benchmarks.posetrack.dataset import YEARS, check_data
from pose_track.cli.parser import EXIT_FAULT, Parser, guarded, take_overrides
from pose_track.config.load import configs_folder, load_settings, setting_names
from pose_track.config.settings import PoseTrackSettings


def run(words: Sequence[str]) -> int:
    overrides, others = take_overrides(words)
    options = parse(others)
    overrides |= {"device": options.device} if options.device else {}
    config = options.config or configs_folder() / "benchmark" / "bundled.yaml"
    settings = load_settings(PoseTrackSettings, config, overrides, options.tracker)
    data = check_data(options.root, options.year, options.split)
    print(data.summary(), flush=True)

    from pose_track.benchmarks.posetrack.report import result_text, write_report
    from pose_track.benchmarks.posetrack.run import run_benchmark

    outcome = run_benchmark(data, settings, options.out)
    write_report(outcome, options.out)
    print(f"{result_text(outcome, options.mode)}\n-> {options.out / 'report.md'}")
    return EXIT_FAULT if outcome.broken else 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    known = ", ".join(setting_names(PoseTrackSettings))
    epilog = f"Any setting can be given as --section.name VALUE: {known}"
    parser = Parser(prog="run_posetrack.py", description=__doc__, epilog=epilog, allow_abbrev=False)
    add = parser.add_argument
    add("--root", type=Path, required=True, help="the data set's own folder")
    add("--year", choices=YEARS, required=True)
    add("--split", default="val", help="the folder of annotations: train, val (the default) or test")
    add("--config", type=Path, help="a file of settings; configs/benchmark/bundled.yaml if not given")
    add("--tracker", help="another way of linking: robust, fast or simple_baselines")
    add("--device", choices=("auto", "cpu", "cuda"), help="where the networks run")
    add("--out", type=Path, required=True, help="where the run is kept, and goes on from")
    add("--mode", choices=("poseval", "clean"), default="poseval", help="of the table shown; the report has both")
    return parser.parse_known_words(words)


def main(arguments: Sequence[str] | None = None) -> int:
    return guarded(lambda: run(sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    sys.exit(main())
