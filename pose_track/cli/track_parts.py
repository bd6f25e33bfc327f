"""Track one long video in parts, on several cores or machines, and join them: the result is that of `track` but for
ids around the seams."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.executor_options import add_executor, executor_options
from pose_track.cli.options import add_overwrite
from pose_track.cli.parser import Parser
from pose_track.cli.track import add_out, add_settings_options, settings_class, track_settings
from pose_track.cli.track_jobs import result_folders

if TYPE_CHECKING:
    from tqdm import tqdm

    from pose_track.batch.task import Report


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("video", metavar="VIDEO", help="a video file that states the times of its frames, such as MP4 or Matroska")
    add("--parts", type=int, required=True, metavar="N", help="how many parts")
    add_out(parser)
    add_overwrite(parser)
    add_settings_options(parser)
    parser.set_defaults(duration=None, raw=None)
    group = parser.add_argument_group("workers")
    add_executor(group)
    group.add_argument("--workers", type=int, metavar="N", help="how many at once (default: one for each part)")
    group.add_argument(
        "--stages",
        metavar="MODULE:FUNCTION",
        help="your own networks: a function from settings to stages, such as those of custom_stages",
    )
    parser.add_settings(settings_class, note="The defaults are those of the preset fast.")


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from tqdm import tqdm

    from pose_track.batch.executor import find_executor
    from pose_track.parts.handler import BUILD_STAGES
    from pose_track.parts.run import track_in_parts
    from pose_track.video.locations import parse_source

    settings = track_settings(options, overrides)
    (folder,) = result_folders([parse_source(options.video)], options.out)
    open_executor, own = find_executor(options.executor), executor_options(options)
    if options.workers is not None and options.workers < 1:
        raise ValueError(f"--workers must be 1 or more, got {options.workers}")
    workers = options.workers or options.parts
    with tqdm(desc=Path(options.video).name, unit=" frames") as bar:
        summary = track_in_parts(
            Path(options.video),
            folder,
            settings,
            options.parts,
            lambda setup: open_executor(setup, workers, own),
            options.overwrite,
            _Progress(bar),
            options.stages or BUILD_STAGES,
        )
    people = f"{summary.people / summary.frames:.1f} people a frame, {len(summary.track_ids)} tracks"
    print(f"{options.video}: {summary.frames} frames, {people}, {summary.frames_per_second:.1f} fps -> {folder}")
    return 0


class _Progress:
    """Shows the frames of all parts, overlaps included, on a bar."""

    def __init__(self, bar: tqdm[None]) -> None:
        self._bar = bar
        self._frames: dict[str, int] = {}

    def __call__(self, report: Report) -> None:
        if report.progress is not None:
            self._frames[report.task] = report.progress.frames
        elif report.outcome is not None:
            self._frames[report.task] = report.outcome.result.get("frames", 0)
        self._bar.n = sum(self._frames.values())
        self._bar.refresh()
