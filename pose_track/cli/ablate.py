"""Measure what each part of a tracker contributes: linking of poses from files, or tracking of a video.

With --pred only settings of the tracker have an effect, with --video all settings.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.options import add_config
from pose_track.cli.parser import Parser

if TYPE_CHECKING:
    from pose_track.config.settings import Settings


def add_arguments(parser: Parser) -> None:
    add, source = parser.add_argument, parser.add_mutually_exclusive_group(required=True)
    add(
        "--gt", type=Path, required=True, help="ground truth in a layout of PoseTrack: a folder, or the file of a video"
    )
    source.add_argument(
        "--pred", type=Path, nargs="+", metavar="DIR", help="poses to link: folders of files under the same names"
    )
    source.add_argument("--video", type=Path, help="a video to track")
    add(
        "--oracle",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="with --pred: the same poses with their true track ids",
    )
    add("--fps", default="25", metavar="N", help="with --pred: frames per second (default: 25)")
    add_config(parser, "settings for --video (default: configs/fast.yaml)")
    add("--preset", default="robust", help="the complete tracker: robust (the default), fast or simple_baselines")
    add("--only", nargs="+", default=[], metavar="NAME", help="only these variants, by their names in the table")
    add("--min-person-score", type=float, default=0, metavar="X", help="drop people below this score after tracking")
    add("--min-joint-score", type=float, default=0, metavar="X", help="drop joints below this score after tracking")
    add("--json", type=Path, metavar="FILE", help="write the metrics")
    parser.add_settings(_settings_class)


def _settings_class() -> type[Settings]:
    from pose_track.config.settings import Settings

    return Settings


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.benchmarks import ablation
    from pose_track.config.load import preset_path
    from pose_track.linking.files import parse_fps

    choice = ablation.AblationOptions(options.preset, overrides, options.only)
    score_filter = ablation.ScoreFilter(options.min_person_score, options.min_joint_score)
    if options.video:
        config = options.config or preset_path("fast")
        runs = ablation.video_runs(options.gt, options.video, config, choice, score_filter)
    else:
        runs = ablation.file_runs(options.gt, options.pred, choice, parse_fps(options.fps), score_filter)
        runs |= ablation.oracle_runs(options.gt, options.oracle, score_filter)
    rows = ablation.measure_runs(runs, lambda line: print(line, flush=True))
    if options.json:
        conditions = {"preset": options.preset, "overrides": dict(overrides), **asdict(score_filter)}
        text = json.dumps({**conditions, "rows": [asdict(row) for row in rows]}, indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0
