"""benchmark.py memory: the main job's memory over a long video that is made for it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

from pose_track.benchmarks.speed.jobs.job import Job, Measured
from pose_track.benchmarks.speed.jobs.track import main_job_words


def _add_options(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--frames", type=int, default=10_000, help="of the video, in whole loops of 250")
    add("--size", type=int, nargs=2, default=(1920, 1080), metavar=("W", "H"), help="of its pictures")
    add("--people", type=int, default=3, help="in it")
    add("--render", action="store_true", help="write the annotated video, too")
    add("--plot", type=Path, help="a PNG of the memory over the frames")


def _measure(options: Namespace, overrides: dict[str, str]) -> Measured:
    from pose_track.benchmarks.speed.long_video import soak_video
    from pose_track.benchmarks.speed.memory import memory_use, plot_memory

    given = [*([] if options.render else ["--no-render"]), *main_job_words(overrides)]
    with TemporaryDirectory() as folder:
        video = Path(folder) / "soak.mp4"
        num_frames = soak_video(video, options.frames, tuple(options.size), options.people)
        use = memory_use([str(video), *given], Path(folder) / "out", settled_after=min(1000, num_frames // 2))
    if options.plot:
        plot_memory(use, options.plot)
    about = {"size": list(options.size), "people": options.people, "options": given}
    heading = f"memory with {options.people} people at {options.size[0]}x{options.size[1]} {' '.join(given)}"
    return Measured([heading, *use.words()], {**about, **use.figures()})


JOB = Job("the main job's memory over a long video", _add_options, _measure, takes_settings=True)
