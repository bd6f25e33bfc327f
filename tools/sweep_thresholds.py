#!/usr/bin/env python3
"""AP and MOTA over thresholds of people and joints: tools/sweep_thresholds.py --run RUN --gt DIR --out DIR.

RUN is a folder of run_posetrack.py. No network is run and no picture looked at: every pose found is linked anew by
place and motion alone, without optical flow and looks, so MOTA compares thresholds but is not the run's own. Into the
other DIR go sweep.csv and sweep.png. Settings of the tracker can be given as --tracker.name value.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from pose_track.benchmarks.posetrack.plot import plot_sweep
from pose_track.benchmarks.posetrack.sweep import load_run, parse_thresholds, sweep, sweep_table, write_csv
from pose_track.cli.parser import Parser, guarded, take_overrides
from pose_track.config.load import configs_folder, load_settings
from pose_track.config.settings import PoseTrackSettings


def run(words: Sequence[str]) -> int:
    overrides, others = take_overrides(words, lambda key: key.startswith("tracker."))
    options = parse(others)
    config = options.config or configs_folder() / "benchmark" / "bundled.yaml"
    settings = load_settings(PoseTrackSettings, config, overrides)
    persons, joints = parse_thresholds(options.person), parse_thresholds(options.joint)
    data = load_run(options.run, options.gt)
    options.out.mkdir(parents=True, exist_ok=True)
    with tqdm(total=len(persons) * len(joints), unit=" points") as bar:
        points = sweep(data, settings.tracker, persons, joints, options.mode, bar.update)
    write_csv(points, options.out / "sweep.csv")
    plot_sweep(points, options.out / "sweep.png")
    print(f"{sweep_table(points)}\n-> {options.out / 'sweep.csv'}, {options.out / 'sweep.png'}")
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    parser = Parser(prog="sweep_thresholds.py", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--run", type=Path, required=True, help="the --out of run_posetrack.py")
    add("--gt", type=Path, required=True, help="the folder of annotations")
    add("--person", default="0,0.1,0.2,0.3,0.4,0.5", help="of people's scores, with commas between")
    add("--joint", default="0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8", help="of joints' scores")
    add("--config", type=Path, help="settings, of which the tracker's count; configs/benchmark/bundled.yaml if none")
    add("--out", type=Path, required=True, help="a folder for sweep.csv and sweep.png")
    add("--mode", choices=("poseval", "clean"), default="poseval", help="of the figures")
    return parser.parse_known_words(words)


def main(arguments: Sequence[str] | None = None) -> int:
    return guarded(lambda: run(sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    sys.exit(main())
