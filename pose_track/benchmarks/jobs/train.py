"""pose-track benchmark train CONFIG: speed of training on one device, in samples a second."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from functools import partial
from pathlib import Path

from pose_track.benchmarks.jobs.job import Job, JobResult, add_against, add_rounds, baseline_metric
from pose_track.utils.extras import require


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="training config, such as configs/train/pose_compact.yaml")
    parser.add_argument("--steps", type=int, default=10, help="steps of one measurement, after a step to warm up")
    add_rounds(parser)
    add_against(parser, "samples_per_second")


def _measure(options: Namespace, overrides: dict[str, str]) -> JobResult:
    require("torch", "lightning_fabric", purpose="training")
    from pose_track.benchmarks.speed.training import compare_training, describe_backend, measure_training
    from pose_track.config.load import load_settings
    from pose_track.training.config import TrainingConfig
    from pose_track.training.launch import launch
    from pose_track.training.loop import Trainer
    from pose_track.training.tasks import build_task

    single_device = {"hardware.devices": "1", "hardware.nodes": "1"}
    experiment = load_settings(TrainingConfig, options.config, single_device | overrides)
    fabric = launch(experiment.hardware)
    loop = replace(experiment.loop, epochs=1e6)  # longer than any measurement
    task = build_task(experiment, str(fabric.device))
    trainer = Trainer(task, loop, experiment.optimizer, Path(), fabric, compiled=experiment.hardware.compile)
    baseline = baseline_metric(options, "samples_per_second")
    speeds = compare_training(partial(measure_training, trainer, options.steps), baseline, options.rounds)
    metrics = {
        **speeds.summary(),
        "rounds": {
            "samples_per_second": [speed.samples_per_second for speed in speeds.measurements],
            "baseline": speeds.baseline,
        },
        "config": options.config.name,
        "steps": options.steps,
        "workers": loop.workers,
        "settings": experiment.result_settings(),
        "compile": experiment.hardware.compile,
        "backend": describe_backend(fabric),
    }
    return JobResult(speeds.lines(), metrics)


JOB = Job("speed of training, in samples a second", _add_options, _measure, takes_settings=True)
