"""benchmark.py link: linking poses of made crowds, in processor time a frame, and its memory over many frames."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from pose_track.benchmarks.speed.jobs.job import Job, Measured, add_rounds
from pose_track.config.settings import TRACK_PRESETS


def _add_options(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--presets", nargs="+", default=TRACK_PRESETS, help=f"of {', '.join(TRACK_PRESETS)}; all if not given")
    add("--people", type=int, nargs="+", default=[1, 10, 30, 100, 300], help="in each crowd")
    add("--measured", type=int, default=150, metavar="N", help="frames of each crowd that are measured")
    add("--frames", type=int, default=20_000, metavar="N", help="of a video whose memory is watched")
    add_rounds(parser)


def _measure(options: Namespace, overrides: dict[str, str]) -> Measured:
    from pose_track.benchmarks.speed.linking import link_speed, soak, speed_json, speed_table

    speeds = [link_speed(preset, options.people, options.measured, options.rounds) for preset in options.presets]
    memory = soak(options.presets[0], options.frames)
    heading = "ms of processor time to link a frame: median (95th percentile)"
    return Measured([heading, speed_table(speeds), memory.words()], speed_json(speeds, memory))


JOB = Job("linking, in ms a frame, and its memory", _add_options, _measure)
