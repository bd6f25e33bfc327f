"""pose-track benchmark track VIDEO: speed of tracking a video from end to end, in frames a second."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from pose_track.benchmarks.jobs.job import Job, JobResult, add_against, add_rounds, baseline_metric


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("video", type=Path, help="video; any --option VALUE of pose-track track may follow")
    parser.add_argument("--render", action="store_true", help="also write the annotated video")
    add_rounds(parser)
    add_against(parser, "frames_per_second")


def _measure(options: Namespace, overrides: dict[str, str]) -> JobResult:
    from pose_track.benchmarks.speed.video import measure_video

    track_options = option_words(overrides)
    arguments = [str(options.video), *([] if options.render else ["--no-render"]), *track_options]
    baseline = baseline_metric(options, "frames_per_second")
    with TemporaryDirectory() as folder:
        speed = measure_video(arguments, Path(folder), options.rounds, baseline)
    rendering = "with" if options.render else "without"
    heading = " ".join(["track", options.video.name, rendering, "rendering", *track_options])
    conditions = {"video": options.video.name, "render": options.render, "options": track_options}
    return JobResult([heading, *speed.lines()], {**conditions, **speed.metrics()})


def option_words(overrides: Mapping[str, str]) -> list[str]:
    """Settings as options of `pose-track track`.

    >>> option_words({"preset": "balanced", "pose.flip_test": "true"})
    ['--preset', 'balanced', '--pose.flip_test', 'true']
    """
    return [word for name, value in overrides.items() for word in (f"--{name}", value)]


JOB = Job("speed of tracking a video, in frames a second", _add_options, _measure, takes_settings=True)
