"""Track many videos: those that are done are skipped, those that fail are listed, and the same command goes on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.executor_options import add_executor, executor_options
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.cli.options import add_overwrite
from pose_track.cli.parser import Parser
from pose_track.cli.track import add_settings_options, settings_class, track_settings

if TYPE_CHECKING:
    from pose_track.batch.display import Display
    from pose_track.batch.run import BatchOptions
    from pose_track.config.settings import Settings

_GIB = 2**30
_AUTO = "auto"


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="a video, a folder that is searched for videos, a pattern, or a manifest: .csv, .jsonl or .parquet with a "
        "column path, and columns that are settings of single videos; also s3://, gs://, az:// and http(s)://",
    )
    add("--out", type=Path, default=Path("runs"), metavar="DIR", help="the results mirror the videos' folders in DIR")
    add("--results", metavar="URL", help="put the results into an object store, s3://, gs:// or az://, not into DIR")
    add_overwrite(parser)
    add_settings_options(parser)
    parser.set_defaults(duration=None, raw=None)
    _add_workers(parser)
    _add_reports(parser)
    parser.add_settings(settings_class, note="The defaults are those of the preset fast.")


def _add_workers(parser: Parser) -> None:
    group = parser.add_argument_group("workers and their limits")
    add_executor(group)
    add = group.add_argument
    add(
        "--workers", default=_AUTO, metavar="N", help="how many at once (default: auto, which measures what is fastest)"
    )
    add("--shard", metavar="I/N", help="track part I of N only, from 0; for several machines with one DIR")
    add("--attempts", type=int, default=3, metavar="N", help="after how many attempts a video has failed (default: 3)")
    add("--time-limit", type=float, metavar="S", help="seconds that a video may take (default: no limit)")
    add("--stall-limit", type=float, default=600.0, metavar="S", help="seconds without a new frame (default: 600)")
    add(
        "--memory-limit", type=float, metavar="GIB", help="memory of a worker (default: its share of what is available)"
    )
    add(
        "--staging-limit",
        type=float,
        metavar="GIB",
        help="disk space in DIR for copies of remote videos (default: all)",
    )
    add(
        "--stages",
        metavar="MODULE:FUNCTION",
        help="your own networks: a function from settings to stages, such as those of custom_stages",
    )


def _add_reports(parser: Parser) -> None:
    add = parser.add_argument_group("reports").add_argument
    add(
        "--summary",
        nargs="+",
        choices=("csv", "parquet", "html"),
        default=["csv"],
        help="formats of DIR/summary (default: csv)",
    )
    add("--prometheus", type=Path, metavar="FILE", help="write figures for Prometheus' textfile collector into FILE")


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.batch.display import Display
    from pose_track.batch.plan import parse_shard, plan_videos
    from pose_track.batch.run import run_batch
    from pose_track.batch.tables import check_formats
    from pose_track.batch.words import batch_line
    from pose_track.utils.interrupts import DeferredInterrupt

    check_formats(options.summary)
    shard = None if options.shard is None else parse_shard(options.shard)
    how = _batch_options(options)

    def settings_of(own: Mapping[str, str]) -> Settings:
        return track_settings(options, {**overrides, **own})

    videos = plan_videos(options.sources, options.out, settings_of, options.stages, shard)
    with DeferredInterrupt() as interrupt, Display() as display:
        state = run_batch(videos, options.out, how, display, interrupt.check)
    print(f"{batch_line(state)} -> {options.out}")
    _say_changes(display)
    return EXIT_ERROR if state.failed else 0


def _batch_options(options: argparse.Namespace) -> BatchOptions:
    """Raises ValueError for an option that is not what it should be."""
    from pose_track.batch.run import BatchOptions
    from pose_track.batch.task import Limits

    for name in ("attempts", "time_limit", "stall_limit", "memory_limit", "staging_limit"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise ValueError(f"--{name.replace('_', '-')} must be above 0, got {value}")
    memory, staging = _bytes(options.memory_limit), _bytes(options.staging_limit)
    return BatchOptions(
        options.executor,
        _workers(options.workers),
        executor_options(options),
        Limits(options.time_limit, options.stall_limit, memory),
        options.attempts,
        options.overwrite,
        options.summary,
        options.prometheus,
        options.stages,
        options.results,
        staging,
    )


def _bytes(gib: float | None) -> int | None:
    return None if gib is None else int(gib * _GIB)


def _workers(text: str) -> int | None:
    if text == _AUTO:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"--workers is auto or a number from 1 on, got {text!r}")
    return int(text)


def _say_changes(display: Display) -> None:
    """Print what has changed since results were made that stay as they are."""
    for change, count in display.changes.most_common():
        videos = "1 video was" if count == 1 else f"{count:,} videos were"
        print(f"{videos} tracked before, and left as before: {change}; --overwrite tracks again", file=sys.stderr)
