"""Sweep AP and MOTA over thresholds of person and joint scores, from a run of pose-track posetrack.

No network runs and no image is read: the estimated poses are linked again by position and motion, without optical flow
and appearance. MOTA therefore compares thresholds, but is not that of the run. The folder of --out holds sweep.csv and
sweep.png.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from pose_track.cli.options import add_config
from pose_track.cli.parser import Parser
from pose_track.cli.posetrack import DEFAULT_CONFIG, default_settings


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("--run", type=Path, required=True, metavar="DIR", help="the --out of pose-track posetrack")
    add("--gt", type=Path, required=True, metavar="DIR", help="folder of annotations")
    add("--person", default="0,0.1,0.2,0.3,0.4,0.5", metavar="X,...", help="thresholds of person scores")
    add("--joint", default="0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8", metavar="X,...", help="thresholds of joint scores")
    add_config(parser, f"settings; only the tracker section counts (default: configs/{DEFAULT_CONFIG})")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for sweep.csv and sweep.png")
    add("--mode", choices=("poseval", "clean"), default="poseval", help="how the metrics are computed")
    parser.add_settings(default_settings, ("tracker",), f"The defaults are those of configs/{DEFAULT_CONFIG}.")


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from tqdm import tqdm

    from pose_track.benchmarks.posetrack.plot import plot_sweep
    from pose_track.benchmarks.posetrack.sweep import load_run, parse_thresholds, sweep, sweep_table, write_csv
    from pose_track.config.load import configs_folder, load_settings
    from pose_track.config.settings import PoseTrackSettings

    settings = load_settings(PoseTrackSettings, options.config or configs_folder() / DEFAULT_CONFIG, overrides)
    persons, joints = parse_thresholds(options.person), parse_thresholds(options.joint)
    data = load_run(options.run, options.gt)
    options.out.mkdir(parents=True, exist_ok=True)
    with tqdm(total=len(persons) * len(joints), unit=" points") as bar:
        points = sweep(data, settings.tracker, persons, joints, options.mode, bar.update)
    write_csv(points, options.out / "sweep.csv")
    plot_sweep(points, options.out / "sweep.png")
    print(f"{sweep_table(points)}\n-> {options.out / 'sweep.csv'}, {options.out / 'sweep.png'}")
    return 0
