#!/usr/bin/env python3
"""Measure how fast training, evaluation or linking is; the first two also in turn with another program.

benchmark.py train CONFIG [--section.key value]: training on one device; COMMAND prints "samples_per_second: X".
benchmark.py evaluate --gt DIR --pred DIR: reading and all figures, in processor time; COMMAND prints "seconds: X".
benchmark.py link: linking poses of made crowds, in processor time a frame, and its memory over many frames.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from pose_track.cli import Parser, guarded, split_overrides
from pose_track.settings import TRACK_PRESETS


def train(options: argparse.Namespace, words: Sequence[str]) -> int:
    from pose_track.settings import load_settings
    from pose_track.training.experiment import Experiment
    from pose_track.training.launch import launch
    from pose_track.training.loop import Trainer
    from pose_track.training.speed import command_speed, describe_machine, measure_in_turn, training_speed
    from pose_track.training.tasks import build_task

    single = {"hardware.devices": "1", "hardware.nodes": "1"}
    experiment = load_settings(Experiment, options.config, single | split_overrides(words))
    fabric = launch(experiment.hardware)
    loop = replace(experiment.loop, epochs=1e6)  # longer than any measurement
    task = build_task(experiment, str(fabric.device))
    trainer = Trainer(task, loop, experiment.optimizer, Path(), fabric, compiled=experiment.hardware.compile)
    theirs = partial(command_speed, options.against) if options.against else None
    speeds = measure_in_turn(partial(training_speed, trainer, options.steps), theirs, options.rounds)
    each = {"ours": [speed.samples_per_second for speed in speeds.ours], "theirs": speeds.theirs}
    about = {"config": options.config.name, "steps": options.steps, "workers": loop.workers}
    about |= {"settings": experiment.course(), "compile": experiment.hardware.compile}
    tell(speeds.words(), options, {**speeds.summary(), "each": each, **about, "machine": describe_machine(fabric)})
    return 0


def evaluate(options: argparse.Namespace, words: Sequence[str]) -> int:
    from pose_track.training.speed import command_figure, describe_computer, frame_times, measure_evaluation

    if words:
        raise ValueError(f"unknown option {words[0]!r}; evaluation has no settings")
    theirs = partial(command_figure, options.against, "seconds") if options.against else None
    times = measure_evaluation(options.gt, options.pred, theirs, options.rounds)
    per_frame = frame_times(options.gt, options.pred, options.repeat, options.rounds)
    longer = [f"sequences {n} times as long: {1e3 * time:.3f} ms a frame to evaluate" for n, time in per_frame.items()]
    each = {"ours": [time.processor for time in times.ours], "theirs": times.theirs}
    about = {"each": each, "seconds_per_frame": per_frame, "machine": describe_computer()}
    tell([*times.words(), *longer], options, {**times.summary(), **about})
    return 0


def link(options: argparse.Namespace, words: Sequence[str]) -> int:
    from pose_track.benchmarks.link_speed import link_speed, soak, speed_json, speed_table
    from pose_track.training.speed import describe_computer

    if words:
        raise ValueError(f"unknown option {words[0]!r}; presets are measured as they are")
    speeds = [link_speed(preset, options.people, options.measured, options.rounds) for preset in options.presets]
    print(f"ms of processor time to link a frame: median (95th percentile)\n{speed_table(speeds)}", flush=True)
    memory = soak(options.presets[0], options.frames)
    tell([memory.words()], options, {**speed_json(speeds, memory), "machine": describe_computer()})
    return 0


def tell(lines: Sequence[str], options: argparse.Namespace, found: Mapping[str, object]) -> None:
    print("\n".join(lines))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    common = Parser(add_help=False, allow_abbrev=False)
    common.add_argument("--rounds", type=int, default=3, help="measurements of each; the median counts")
    common.add_argument("--json", type=Path, help="a file for the figures and what they were measured on")
    other = Parser(add_help=False, allow_abbrev=False)
    other.add_argument("--against", metavar="COMMAND", help="another program to compare with")
    parser = Parser(prog="benchmark.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    jobs = parser.add_subparsers(dest="job", required=True, metavar="JOB")
    job = jobs.add_parser("train", parents=[common, other], allow_abbrev=False, help="training, in samples a second")
    job.add_argument("config", type=Path, help="a training config, such as configs/train/pose_compact.yaml")
    job.add_argument("--steps", type=int, default=10, help="of one measurement, after one that does not count")
    job.set_defaults(measure=train)
    job = jobs.add_parser("evaluate", parents=[common, other], allow_abbrev=False, help="reading and evaluating")
    for name in ("--gt", "--pred"):
        job.add_argument(name, required=True, help="as of tools/evaluate.py")
    job.add_argument("--repeat", type=int, nargs="+", default=[], help="also with sequences so many times as long")
    job.set_defaults(measure=evaluate)
    job = jobs.add_parser("link", parents=[common], allow_abbrev=False, help="linking, in ms a frame, and its memory")
    job.add_argument(
        "--presets", nargs="+", default=TRACK_PRESETS, help=f"of {', '.join(TRACK_PRESETS)}; all if not given"
    )
    job.add_argument("--people", type=int, nargs="+", default=[1, 10, 30, 100, 300], help="in each crowd")
    job.add_argument("--measured", type=int, default=150, metavar="N", help="frames of each crowd that are measured")
    job.add_argument("--frames", type=int, default=20_000, metavar="N", help="of a video whose memory is watched")
    job.set_defaults(measure=link)
    chosen, rest = parser.parse_known_args(arguments)
    return guarded(lambda: chosen.measure(chosen, rest))


if __name__ == "__main__":
    sys.exit(main())
