"""Speed of training, optionally compared with another program."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric

from pose_track.benchmarks.speed.timing import compare_interleaved
from pose_track.training.log import Meter
from pose_track.training.loop import Trainer


class TrainingSpeed(NamedTuple):
    """One measurement. data_wait: share of the time spent waiting for data, in [0, 1]."""

    samples_per_second: float
    data_wait: float


class TrainingSpeeds(NamedTuple):
    """All measurements, one a round. baseline: samples a second of the other program; empty without one."""

    measurements: list[TrainingSpeed]
    baseline: list[float]

    def summary(self) -> dict[str, float]:
        """Medians, and the speedup over the baseline.

        >>> TrainingSpeeds([TrainingSpeed(3.0, 0.1), TrainingSpeed(4.0, 0.3)], [2.0, 1.5]).summary()
        {'samples_per_second': 3.5, 'data_wait': 0.2, 'baseline': 1.75, 'speedup': 2.0}
        """
        rate, wait = (median(column) for column in zip(*self.measurements, strict=True))
        summary = {"samples_per_second": rate, "data_wait": wait}
        if self.baseline:
            summary |= {"baseline": median(self.baseline), "speedup": rate / median(self.baseline)}
        return summary

    def lines(self) -> list[str]:
        """The summary as lines to print."""
        summary = self.summary()
        rate, wait = summary["samples_per_second"], summary["data_wait"]
        lines = [f"{rate:.3f} samples a second, {wait:.1%} of the time waiting for data"]
        if self.baseline:
            lines.append(f"baseline {summary['baseline']:.3f} samples a second; speedup {summary['speedup']:.2f}")
        return lines


def measure_training(trainer: Trainer, num_steps: int, num_warmup: int = 1) -> TrainingSpeed:
    """Time `num_steps` steps of a training run, after `num_warmup` steps that do not count.

    The steps are those of `Trainer.run`. Raises ValueError where there is no step to measure, or fewer are left.
    """
    needed, left = num_warmup + num_steps, trainer.num_steps - trainer.step
    if not num_warmup < needed <= left:
        raise ValueError(f"{num_steps} steps after {num_warmup} cannot be measured in a run that has {left} left")
    batches = trainer.batches()
    meter = Meter(trainer.fabric, batches, trainer.options.batch_size)
    trainer.model.train()
    for number, batch in enumerate(batches, 1):
        meter.add(trainer.train_step(batch), batch.num_broken)
        if number == num_warmup:
            meter.restart()
        if number == needed:
            break
    rates = meter.read()
    return TrainingSpeed(rates["samples_per_second"], rates["data_wait"])


def compare_training(
    measure: Callable[[], TrainingSpeed], baseline: Callable[[], float] | None, rounds: int
) -> TrainingSpeeds:
    """Measure `rounds` times, in turn with the baseline."""
    return TrainingSpeeds(*compare_interleaved(measure, baseline, rounds))


def describe_backend(fabric: Fabric) -> dict[str, Any]:
    """How PyTorch runs the training: device, GPU, threads, vector instructions in use, and precision."""
    device = fabric.device
    return {
        "device": device.type,
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "threads": torch.get_num_threads(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "precision": fabric.strategy.precision.precision,
    }
