#!/usr/bin/env python3
"""Measure how fast training is: tools/benchmark.py train CONFIG [--against "COMMAND"] [--section.key value].

On one device. COMMAND is another program that does the same, measured in turn; it prints "samples_per_second: X".
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from pose_track.cli import Parser, guarded, split_overrides
from pose_track.settings import load_settings


def train(options: argparse.Namespace, words: Sequence[str]) -> int:
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
    found = speeds.summary()
    print(f"{found['samples_per_second']:.3f} samples a second, {found['data_wait']:.1%} of the time waiting for data")
    if theirs:
        print(f"theirs {found['theirs']:.3f} samples a second; ours is {found['ratio']:.2f} times as fast")
    if options.json:
        each = {"ours": [speed.samples_per_second for speed in speeds.ours], "theirs": speeds.theirs}
        about = {"config": options.config.name, "steps": options.steps, "workers": loop.workers}
        about |= {"settings": experiment.course(), "compile": experiment.hardware.compile}
        written = {**found, "each": each, **about, "machine": describe_machine(fabric)}
        options.json.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="benchmark.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("job", choices=("train",), help="what to measure")
    parser.add_argument("config", type=Path, help="a training config, such as configs/train/pose_compact.yaml")
    parser.add_argument("--steps", type=int, default=10, help="of one measurement, after one that does not count")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each; the median counts")
    parser.add_argument("--against", help="the command of another program to compare with")
    parser.add_argument("--json", type=Path, help="a file for the figures and what they were measured on")
    chosen, rest = parser.parse_known_args(arguments)
    return guarded(lambda: train(chosen, rest))


if __name__ == "__main__":
    sys.exit(main())
