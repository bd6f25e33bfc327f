"""benchmark.py train CONFIG: training on one device, in samples a second."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from functools import partial
from pathlib import Path

from pose_track.benchmarks.speed.jobs.job import Job, Measured, add_against, add_rounds, other_program


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="a training config, such as configs/train/pose_compact.yaml")
    parser.add_argument("--steps", type=int, default=10, help="of one measurement, after one that does not count")
    add_rounds(parser)
    add_against(parser, "samples_per_second")


def _measure(options: Namespace, overrides: dict[str, str]) -> Measured:
    from pose_track.benchmarks.speed.training import describe_machine, measure_in_turn, training_speed
    from pose_track.config.load import load_settings
    from pose_track.training.config import TrainingConfig
    from pose_track.training.launch import launch
    from pose_track.training.loop import Trainer
    from pose_track.training.tasks import build_task

    single = {"hardware.devices": "1", "hardware.nodes": "1"}
    experiment = load_settings(TrainingConfig, options.config, single | overrides)
    fabric = launch(experiment.hardware)
    loop = replace(experiment.loop, epochs=1e6)  # longer than any measurement
    task = build_task(experiment, str(fabric.device))
    trainer = Trainer(task, loop, experiment.optimizer, Path(), fabric, compiled=experiment.hardware.compile)
    theirs = other_program(options, "samples_per_second")
    speeds = measure_in_turn(partial(training_speed, trainer, options.steps), theirs, options.rounds)
    each = {"ours": [speed.samples_per_second for speed in speeds.ours], "theirs": speeds.theirs}
    about = {"config": options.config.name, "steps": options.steps, "workers": loop.workers}
    about |= {"settings": experiment.course(), "compile": experiment.hardware.compile}
    found = {**speeds.summary(), "each": each, **about, "machine": describe_machine(fabric)}
    return Measured(speeds.words(), found)


JOB = Job("training, in samples a second", _add_options, _measure, takes_settings=True)
