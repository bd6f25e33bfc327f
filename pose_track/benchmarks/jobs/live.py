"""pose-track benchmark live: latency of live runs from the sending of a frame to its result, and skipped frames."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pose_track.benchmarks.jobs.job import Job, JobResult
from pose_track.benchmarks.speed.timing import check_rounds

if TYPE_CHECKING:
    from pose_track.benchmarks.live.clip import Clip

_PEOPLE, _SIZE = [1, 3, 8], (1280, 720)
_SOURCES = ("file", "udp", "tcp", "mjpeg", "pipe")


def _size(text: str) -> tuple[int, int]:
    """WIDTHxHEIGHT."""
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise ArgumentTypeError(f"must be WIDTHxHEIGHT, such as 1280x720, got {text!r}")
    return int(width), int(height)


def _add_options(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--video", type=Path, nargs="+", metavar="FILE", help="videos to play in place of drawn people")
    add("--people", type=int, nargs="+", help="numbers of drawn people (default: 1 3 8)")
    add("--size", type=_size, help="width and height of drawn people's images (default: 1280x720)")
    add("--fps", type=int, nargs="+", default=[30, 60], help="rates at which frames are sent (default: 30 60)")
    add("--sources", nargs="+", choices=_SOURCES, default=list(_SOURCES), help="how frames are sent (default: all)")
    add("--seconds", type=float, default=10.0, help="measured time of each run, after two seconds to warm up")
    add("--rounds", type=int, default=1, help="measurements of each; the median counts")
    add("--against", metavar="COMMAND", help="program to measure in turn, which plays the file {clip} at its own speed "
        "and prints lines 'median_ms: X', 'p95_ms: X', 'skipped: N' and 'frames: N'")  # fmt: skip
    add("--preset", default="fast", help="settings of the stages; any --section.name VALUE may follow")


def _measure(options: Namespace, overrides: dict[str, str]) -> JobResult:
    from pose_track.benchmarks.live.compare import compare_live, live_table
    from pose_track.build.stages import build_stages
    from pose_track.config.load import load_settings, preset_path
    from pose_track.config.settings import Settings

    _check(options)
    settings = load_settings(Settings, preset_path(options.preset), overrides)
    stages = build_stages(settings)
    with TemporaryDirectory() as folder:
        clips = _clips(options, Path(folder))
        runs = compare_live(clips, options.sources, stages, settings, options.seconds, options.rounds, options.against)
        figures = list(runs)
    conditions = {"preset": options.preset, "options": overrides, "seconds": options.seconds}
    return JobResult(live_table(figures), {"runs": [figure.metrics() for figure in figures], **conditions})


def _check(options: Namespace) -> None:
    """Raises ValueError for options that cannot be, before anything is drawn."""
    check_rounds(options.rounds)
    if options.video and (options.people or options.size):
        raise ValueError("--people and --size are those of drawn people; leave them out with --video")
    for name in ("people", "fps"):
        if any(value < 1 for value in getattr(options, name) or ()):
            raise ValueError(f"--{name} must be 1 or more")
    if options.seconds <= 0:
        raise ValueError(f"--seconds must be above 0, got {options.seconds}")


def _clips(options: Namespace, folder: Path) -> list[Clip]:
    """All clips, written before anything is measured."""
    from pose_track.benchmarks.live.clip import draw_people, make_clip
    from pose_track.benchmarks.live.run import clip_seconds

    videos = {video.stem: video for video in options.video or ()}
    for number in () if options.video else options.people or _PEOPLE:
        path = folder / f"people{number}.mp4"
        videos[f"{number} drawn"] = draw_people(path, number, options.size or _SIZE, max(options.fps))
    length = clip_seconds(options.seconds)
    return [make_clip(video, name, fps, length, folder) for name, video in videos.items() for fps in options.fps]


JOB = Job("latency of live runs, and skipped frames", _add_options, _measure, takes_settings=True)
