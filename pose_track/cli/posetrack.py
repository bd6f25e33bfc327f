"""Run the PoseTrack benchmark: track a data set in PoseTrack's layout and evaluate the result; see docs/evaluation.md.

The folder of --out holds raw/ and tracked/ (all estimated poses, and those with a track id; a repeated run continues
from them), ap/ and mota/ (the submissions for the two kinds of metrics), report.md and report.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.cli.options import add_config, add_device, given
from pose_track.cli.parser import Parser

if TYPE_CHECKING:
    from pose_track.benchmarks.posetrack.run import OpenExecutor
    from pose_track.config.settings import PoseTrackSettings

DEFAULT_CONFIG = "benchmark/bundled.yaml"


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("--root", type=Path, required=True, metavar="DIR", help="folder of the data set")
    add("--year", choices=("2017", "2018", "2021", "21"), required=True, help="edition of PoseTrack")
    add("--split", default="val", metavar="NAME", help="folder of annotations: train, val (the default) or test")
    add_config(parser, f"settings (default: configs/{DEFAULT_CONFIG})")
    add("--tracker", metavar="PRESET", help="tracker settings by name: robust, fast or simple_baselines")
    add_device(parser)
    add(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of the run, which continues where it holds one already",
    )
    add("--workers", metavar="N", help="track sequences in so many processes (default: in this one)")
    add("--executor", metavar="NAME", help="what runs them, see batch (default with --workers: local)")
    add("--mode", choices=("poseval", "clean"), default="poseval", help="table to print; the report has both")
    parser.add_settings(default_settings, note=f"The defaults are those of configs/{DEFAULT_CONFIG}.")


def default_settings() -> PoseTrackSettings:
    """The settings of the bundled networks on PoseTrack."""
    from pose_track.config.load import configs_folder, load_settings
    from pose_track.config.settings import PoseTrackSettings

    return load_settings(PoseTrackSettings, configs_folder() / DEFAULT_CONFIG)


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.benchmarks.posetrack.dataset import scan_dataset
    from pose_track.config.load import configs_folder, load_settings
    from pose_track.config.settings import PoseTrackSettings

    path = options.config or configs_folder() / DEFAULT_CONFIG
    named = given({"device": options.device})
    settings = load_settings(PoseTrackSettings, path, {**overrides, **named}, options.tracker)
    data = scan_dataset(options.root, options.year, options.split)
    print(data.summary(), flush=True)

    from pose_track.benchmarks.posetrack.report import benchmark_summary, write_report
    from pose_track.benchmarks.posetrack.run import run_posetrack
    from pose_track.pipeline.result_folder import locked

    with locked(options.out):
        outcome = run_posetrack(data, settings, options.out, _open_executor(options))
        write_report(outcome, options.out)
    print(f"{benchmark_summary(outcome, options.mode)}\n-> {options.out / 'report.md'}")
    return EXIT_ERROR if outcome.failed else 0


def _open_executor(options: argparse.Namespace) -> OpenExecutor | None:
    """What opens the executor of the options; None to track in this process. Raises ValueError for a wrong option."""
    from pose_track.batch.executor import find_executor

    if options.workers is None and options.executor is None:
        return None
    if options.workers is not None and not (options.workers.isdecimal() and int(options.workers)):
        raise ValueError(f"--workers is a number from 1 on, got {options.workers!r}")
    factory = find_executor(options.executor or "local")
    workers = None if options.workers is None else int(options.workers)
    return lambda setup: factory(setup, workers, {})
