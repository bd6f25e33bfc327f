"""benchmark.py track VIDEO: the main job from end to end, in frames a second."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from pose_track.benchmarks.speed.jobs.job import Job, Measured, add_against, add_rounds, other_program


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("video", type=Path, help="the video, and any --option VALUE of tools/track_video.py")
    parser.add_argument("--render", action="store_true", help="write the annotated video, too")
    add_rounds(parser)
    add_against(parser, "frames_per_second")


def _measure(options: Namespace, overrides: dict[str, str]) -> Measured:
    from pose_track.benchmarks.speed.video import video_speed

    given = main_job_words(overrides)
    words = [str(options.video), *([] if options.render else ["--no-render"]), *given]
    theirs = other_program(options, "frames_per_second")
    with TemporaryDirectory() as folder:
        speed = video_speed(words, Path(folder), options.rounds, theirs)
    heading = " ".join(["track", options.video.name, "with" if options.render else "without", "rendering", *given])
    about = {"video": options.video.name, "render": options.render, "options": given}
    return Measured([heading, *speed.words()], {**about, **speed.figures()})


def main_job_words(overrides: Mapping[str, str]) -> list[str]:
    """Options as the main job takes them.

    >>> main_job_words({"preset": "balanced", "pose.flip_test": "true"})
    ['--preset', 'balanced', '--pose.flip_test', 'true']
    """
    return [word for name, value in overrides.items() for word in (f"--{name}", value)]


JOB = Job("the main job on a video, in frames a second", _add_options, _measure, takes_settings=True)
