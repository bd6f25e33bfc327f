"""What `track` and `live` do with each source: checks, the run, and the line at its end."""

from __future__ import annotations

import argparse
import glob
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pose_track.cli.runner import run_job, run_jobs
from pose_track.cli.sink_options import open_sinks, wants_stdout
from pose_track.video.locations import Location, parse_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pose_track.config.settings import Settings
    from pose_track.pipeline.stages import Stages
    from pose_track.pipeline.summary import Summary
    from pose_track.pipeline.track_live import LiveSummary
    from pose_track.sinks.fan_out import Sinks
    from pose_track.video.source import VideoInfo, VideoReader


@dataclass(frozen=True)
class Job:
    """A source, and the folder of its results, None for none."""

    source: Location
    folder: Path | None


def jobs_of(options: argparse.Namespace) -> list[Job]:
    """A job for each source of the command line. Raises ValueError where two would share a folder, and for a source
    that cannot be."""
    sources = [location for text in options.sources for location in expanded(text)]
    folders = [None] * len(sources) if options.out is None else result_folders(sources, options.out)
    return [Job(source, folder) for source, folder in zip(sources, folders, strict=True)]


def expanded(text: str) -> list[Location]:
    """The sources of one argument: several where it is a pattern of other files than images."""
    from pose_track.video.image_reader import IMAGE_SUFFIXES

    location = parse_source(text)
    matches = sorted(glob.glob(text, recursive=True)) if location.kind == "images" else []
    if all(Path(match).suffix.lower() in IMAGE_SUFFIXES for match in matches):
        return [location]
    return [parse_source(Path(match)) for match in matches]


def result_folders(sources: Sequence[Location], out: Path) -> list[Path]:
    """OUT/<name> for each source, see `result_name`. Raises ValueError where two would share a folder."""
    folders = [out / result_name(source) for source in sources]
    shared = [folder for folder, count in Counter(folders).items() if count > 1]
    if shared:
        raise ValueError(f"several videos would write into {str(shared[0])!r}; track each with an --out of its own")
    return folders


def result_name(source: Location) -> str:
    """The name of a file without its suffix, that of a folder whole; a link has its own name. Others have that of their
    location.

    It is one folder below another: a name whose stem is only dots stays whole. Raises ValueError for a path without a
    name, the root of the disk.

    >>> [result_name(parse_source(text)) for text in ("videos/clip.mp4", "...mp4", "..mp4", "rtsp://cam1/door")]
    ['clip', '...mp4', '..mp4', 'cam1_door']
    """
    if source.kind != "file":
        return source.name
    path = Path(os.path.abspath(source.address))  # not resolve(), which would give a link the name of its target
    if not path.name:
        raise ValueError(f"{source.text!r} has no name for its results; give a folder with a name")
    return path.name if path.is_dir() or not path.stem.strip(".") else path.stem


def is_finished(job: Job) -> bool:
    """Whether the video is tracked already, which is said."""
    from pose_track.pipeline.result_folder import is_finished

    finished = job.folder is not None and is_finished(job.folder)
    if finished:
        print(f"{job.source.text}: is finished already -> {job.folder}")
    return finished


def check(job: Job, options: argparse.Namespace) -> int:
    """Raises FileNotFoundError, FileExistsError or ValueError where a source cannot be tracked into its folder."""
    from pose_track.pipeline.result_folder import OUTPUT_FILES, check_output_folder

    source, folder = job.source, job.folder
    if source.kind == "file":
        video = Path(source.address)
        if not video.exists():
            fault = "is a link to a file that does not exist" if video.is_symlink() else "does not exist"
            raise FileNotFoundError(f"{source.text!r} {fault}; check the path")
        if folder is not None and os.path.realpath(video) in [os.path.realpath(folder / n) for n in OUTPUT_FILES]:
            raise ValueError(f"the results of {source.text!r} would replace the video; give another --out")
    if options.resume and (options.live or source.kind not in ("file", "images")):
        raise ValueError(f"{source.text!r} cannot be read again, so --resume cannot go on with it; leave it out")
    if folder is not None:
        check_output_folder(folder, options.overwrite, options.resume)
    return 0


def run_all(jobs: Sequence[Job], stages: Stages, settings: Settings, options: argparse.Namespace) -> int:
    """Track one source after the other; returns the highest exit code."""
    return run_jobs([partial(_run, job, stages, settings, options, job is jobs[-1]) for job in jobs])


def _run(job: Job, stages: Stages, settings: Settings, options: argparse.Namespace, is_last: bool) -> int:
    """Track a source live where that is asked for, or where it is live."""
    if job.source.kind == "file" and not options.live:
        return _whole(job, job.source, stages, settings, options)
    from pose_track.pipeline.track_file import open_reader, stream_options

    opened: list[VideoReader] = []

    def open_source() -> int:
        opened.append(open_reader(job.source, settings.reader, stream_options(settings.stream)))
        return 0

    code = run_job(open_source)
    if code:
        return code
    (reader,) = opened
    if reader.is_live if options.live is None else options.live:
        return _live(job, reader, stages, settings, options, is_last)
    return _whole(job, reader, stages, settings, options)


def _whole(
    job: Job, video: Location | VideoReader, stages: Stages, settings: Settings, options: argparse.Namespace
) -> int:
    """Track all frames and print a summary, also where an error or an interrupt ended it early."""
    from pose_track.pipeline.run_state import STATE_FILE
    from pose_track.pipeline.summary import Summary
    from pose_track.pipeline.track_file import track_file

    summary, sinks, folder = Summary(), _OpenSinks(options), job.folder
    assert folder is not None  # `live` is always live

    def run() -> int:
        track_file(video, folder, stages, settings, options.overwrite, summary, options.resume, sinks)
        return 0

    code = run_job(run)
    if summary.frames:
        before = f" ({summary.num_resumed} of them before)" if summary.num_resumed else ""
        more = "; --resume goes on from there" if code and (folder / STATE_FILE).exists() else ""
        say(options, f"{job.source.text}: {summary.frames} frames{before}, {_found(summary, settings, folder)}{more}")
    sinks.report()
    return code


def _live(
    job: Job, reader: VideoReader, stages: Stages, settings: Settings, options: argparse.Namespace, is_last: bool
) -> int:
    """Track a source as it comes, until it ends or the user stops it, and print a summary. Where others would follow,
    the user's stop is an interrupt."""
    from pose_track.pipeline.track_live import LiveSummary, live_frames, track_live
    from pose_track.utils.interrupts import DeferredInterrupt

    summary, sinks = LiveSummary(), _OpenSinks(options)

    def run() -> int:
        is_paced = not job.source.is_pipe
        with DeferredInterrupt() as interrupt, live_frames(reader, lambda: interrupt.requested, is_paced) as frames:
            track_live(frames, stages, settings, summary, sinks, job.folder, options.overwrite)
            if not is_last:
                interrupt.check()
        return 0

    code = run_job(run)
    if summary.frames:
        text = f"{summary.frames} frames, {summary.num_skipped} skipped{_latency(summary)}"
        say(options, f"{job.source.text}: {text}, {_found(summary, settings, job.folder)}")
    sinks.report()
    return code


class _OpenSinks:
    """Opens the sinks of the command line for a source."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._sinks: Sinks | None = None

    def __call__(self, header: Mapping[str, Any], info: VideoInfo) -> Sinks:
        self._sinks = open_sinks(self._options, header, info.width, info.height, info.fps)
        return self._sinks

    def report(self) -> None:
        """Print what the sinks did not take."""
        for line in () if self._sinks is None else self._sinks.summary():
            say(self._options, line)


def say(options: argparse.Namespace, line: str) -> None:
    """Print a line, to stderr where stdout takes results."""
    print(line, file=sys.stderr if wants_stdout(options) else sys.stdout)


def _latency(summary: LiveSummary) -> str:
    times = summary.latency.milliseconds()
    return f", latency {times['median']} ms (95 % within {times['p95']} ms)" if times else ""


def _found(summary: Summary, settings: Settings, folder: Path | None) -> str:
    """What a run found, how fast, and where it is; the likeliest reason where it found nobody."""
    place = "" if folder is None else f" -> {folder}"
    speed = f"{summary.frames_per_second:.1f} fps{place}"
    if not summary.people:
        return f"no people in any frame, {speed}; {summary.evidence.reason(settings)}"
    return f"{summary.people / summary.frames:.1f} people a frame, {len(summary.track_ids)} tracks, {speed}"
