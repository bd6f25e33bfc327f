"""pose-track benchmark memory: resident memory of tracking a long synthetic video."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

from pose_track.benchmarks.jobs.job import Job, JobResult
from pose_track.benchmarks.jobs.track import option_words


def _add_options(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--frames", type=int, default=10_000, help="length of the video; rounded up to a multiple of 250")
    add("--size", type=int, nargs=2, default=(1920, 1080), metavar=("W", "H"), help="size of the video, in pixels")
    add("--people", type=int, default=3, help="people in the video")
    add("--render", action="store_true", help="also write the annotated video")
    add("--plot", type=Path, help="write a PNG of the memory over the frames")


def _measure(options: Namespace, overrides: dict[str, str]) -> JobResult:
    from pose_track.benchmarks.speed.long_video import make_long_video
    from pose_track.benchmarks.speed.memory import measure_memory, plot_memory

    words = [*([] if options.render else ["--no-render"]), *option_words(overrides)]
    with TemporaryDirectory() as folder:
        video = Path(folder) / "soak.mp4"
        num_frames = make_long_video(video, options.frames, tuple(options.size), options.people)
        use = measure_memory([str(video), *words], Path(folder) / "out", warmup_frames=min(1000, num_frames // 2))
    if options.plot:
        plot_memory(use, options.plot)
    conditions = {"size": list(options.size), "people": options.people, "options": words}
    heading = f"memory with {options.people} people at {options.size[0]}x{options.size[1]} {' '.join(words)}"
    return JobResult([heading, *use.lines()], {**conditions, **use.metrics()})


JOB = Job("memory of tracking a long video", _add_options, _measure, takes_settings=True)
