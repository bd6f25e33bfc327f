"""How fast training is on this machine, and how fast another program does the same."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric

from pose_track.benchmarks.speed.machine import describe_computer
from pose_track.benchmarks.speed.timing import take_turns
from pose_track.training.log import Meter
from pose_track.training.loop import Trainer


class Speed(NamedTuple):
    """samples_per_second, and data_wait, the share of the time spent waiting for data."""

    samples_per_second: float
    data_wait: float


class Speeds(NamedTuple):
    """What was measured in turn; theirs, in samples a second, is empty where there is no other program."""

    ours: list[Speed]
    theirs: list[float]

    def summary(self) -> dict[str, float]:
        """Medians, and how many times faster ours is.

        >>> Speeds([Speed(3.0, 0.1), Speed(4.0, 0.3)], [2.0, 1.5]).summary()
        {'samples_per_second': 3.5, 'data_wait': 0.2, 'theirs': 1.75, 'ratio': 2.0}
        """
        ours, wait = (median(column) for column in zip(*self.ours, strict=True))
        found = {"samples_per_second": ours, "data_wait": wait}
        if self.theirs:
            found |= {"theirs": median(self.theirs), "ratio": ours / median(self.theirs)}
        return found

    def words(self) -> list[str]:
        """The summary as lines to print."""
        found = self.summary()
        rate, wait = found["samples_per_second"], found["data_wait"]
        lines = [f"{rate:.3f} samples a second, {wait:.1%} of the time waiting for data"]
        if self.theirs:
            lines.append(f"theirs {found['theirs']:.3f} samples a second; ours is {found['ratio']:.2f} times as fast")
        return lines


def training_speed(trainer: Trainer, num_steps: int, num_warmup: int = 1) -> Speed:
    """Make steps of a training run as `Trainer.run` makes them; the first `num_warmup` of them do not count.

    Raises ValueError where there is no step to measure, or the run has not so many left.
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
    found = meter.read()
    return Speed(found["samples_per_second"], found["data_wait"])


def measure_in_turn(ours: Callable[[], Speed], theirs: Callable[[], float] | None, rounds: int) -> Speeds:
    """As `take_turns`, of training."""
    return Speeds(*take_turns(ours, theirs, rounds))


def describe_machine(fabric: Fabric) -> dict[str, Any]:
    """What the speed of training depends on: the computer, threads and precision in use, the GPU if it is one."""
    device = fabric.device
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        **describe_computer(),
        "threads": torch.get_num_threads(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "gpu": gpu,
        "precision": fabric.strategy.precision.precision,
        "torch": torch.__version__,
    }
