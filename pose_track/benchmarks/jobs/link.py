"""pose-track benchmark link: processor time a frame of linking synthetic people, and its memory over many frames."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from pose_track.benchmarks.jobs.job import Job, JobResult, add_rounds
from pose_track.config.settings import TRACK_PRESETS


def _add_options(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--presets", nargs="+", default=TRACK_PRESETS, help=f"tracker presets (default: {', '.join(TRACK_PRESETS)})")
    add("--people", type=int, nargs="+", default=[1, 10, 30, 100, 300], help="numbers of people to measure with")
    add("--measured", type=int, default=150, metavar="N", help="frames to measure for each number of people")
    add("--frames", type=int, default=20_000, metavar="N", help="length of the video for the memory measurement")
    add_rounds(parser)


def _measure(options: Namespace, overrides: dict[str, str]) -> JobResult:
    from pose_track.benchmarks.speed.linking import (
        link_metrics,
        link_time_table,
        measure_link_memory,
        measure_linking,
    )

    times = [measure_linking(preset, options.people, options.measured, options.rounds) for preset in options.presets]
    memory = measure_link_memory(options.presets[0], options.frames)
    heading = "ms of processor time to link a frame: median (95th percentile)"
    return JobResult([heading, link_time_table(times), memory.line()], link_metrics(times, memory))


JOB = Job("speed of linking, in ms a frame, and its memory", _add_options, _measure)
