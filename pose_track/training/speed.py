"""How fast training is on this machine, and how fast another program does the same."""

from __future__ import annotations

import math
import os
import platform
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric

from pose_track.training.log import Meter
from pose_track.training.loop import Trainer

_SPEED = re.compile(r"^samples_per_second: *(\S+)\s*$", re.MULTILINE)


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


def command_speed(command: str) -> float:
    """What a program prints as a line `samples_per_second: X`, the last of them.

    command: is split like a shell's, but run without one. Raises ValueError if the program fails or prints no positive
    number, OSError if there is none.
    """
    words = shlex.split(command)
    if not words:
        raise ValueError("the command to compare with is empty")
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ValueError(f"the command {command!r} ended with code {done.returncode}; run it alone to see why")
    lines = _SPEED.findall(done.stdout)
    try:
        speed = float(lines[-1])
    except (IndexError, ValueError):
        speed = math.nan
    if not 0 < speed < math.inf:
        raise ValueError(f"the command {command!r} printed no line 'samples_per_second: X' with a positive number")
    return speed


def measure_in_turn(ours: Callable[[], Speed], theirs: Callable[[], float] | None, rounds: int) -> Speeds:
    """Ours, theirs, ours, theirs and so on, `rounds` times, so that a busy moment of the machine hits both.

    Raises ValueError for less than one round.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be 1 or more, got {rounds!r}")
    found = Speeds([], [])
    for _ in range(rounds):
        found.ours.append(ours())
        if theirs is not None:
            found.theirs.append(theirs())
    return found


def describe_machine(fabric: Fabric) -> dict[str, Any]:
    """What a figure of speed depends on: processor, its cores, threads and precision in use, the GPU if it is one,
    versions."""
    device = fabric.device
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _processor(),
        "cores": cores,
        "threads": torch.get_num_threads(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "gpu": gpu,
        "precision": fabric.strategy.precision.precision,
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    """Its name; on Linux, where Python does not tell it, from the kernel."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.exists() else []
    return names[0] if names else platform.processor() or platform.machine()
