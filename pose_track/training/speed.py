"""How fast training and evaluation are on this machine, and how fast another program does the same."""

from __future__ import annotations

import math
import os
import platform
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from pose_track.evaluation.pairing import load_pairs
from pose_track.evaluation.posetrack import evaluate_posetrack
from pose_track.formats.complaints import Complaints
from pose_track.sequence import Sequence

if TYPE_CHECKING:  # evaluation is measured where there is no PyTorch, too
    from lightning_fabric import Fabric

    from pose_track.training.loop import Trainer

T = TypeVar("T")


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
    from pose_track.training.log import Meter

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
    """What a program prints as a line `samples_per_second: X`: see `command_figure`."""
    return command_figure(command, "samples_per_second")


def command_figure(command: str, name: str) -> float:
    """What a program prints as a line `name: X`, the last of them.

    command: is split like a shell's, but run without one. Raises ValueError if the program fails or prints no positive
    number, OSError if there is none.
    """
    words = shlex.split(command)
    if not words:
        raise ValueError("the command to compare with is empty")
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ValueError(f"the command {command!r} ended with code {done.returncode}; run it alone to see why")
    lines = re.findall(rf"^{re.escape(name)}: *(\S+)\s*$", done.stdout, re.MULTILINE)
    try:
        figure = float(lines[-1])
    except (IndexError, ValueError):
        figure = math.nan
    if not 0 < figure < math.inf:
        raise ValueError(f"the command {command!r} printed no line '{name}: X' with a positive number")
    return figure


def measure_in_turn(ours: Callable[[], Speed], theirs: Callable[[], float] | None, rounds: int) -> Speeds:
    """As `take_turns`, of training."""
    return Speeds(*take_turns(ours, theirs, rounds))


def take_turns(ours: Callable[[], T], theirs: Callable[[], float] | None, rounds: int) -> tuple[list[T], list[float]]:
    """Ours, theirs, ours, theirs and so on, `rounds` times, so that a busy moment of the machine hits both.

    Raises ValueError for less than one round.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be 1 or more, got {rounds!r}")
    found: tuple[list[T], list[float]] = ([], [])
    for _ in range(rounds):
        found[0].append(ours())
        if theirs is not None:
            found[1].append(theirs())
    return found


class Seconds(NamedTuple):
    """How long something took: processor time, and time on the clock."""

    processor: float
    clock: float


class Times(NamedTuple):
    """What was measured in turn; theirs, in seconds, is empty where there is no other program."""

    ours: list[Seconds]
    theirs: list[float]

    def summary(self) -> dict[str, float]:
        """Medians and the best, and how many times faster ours is, by processor time.

        >>> Times([Seconds(2.0, 3.0), Seconds(4.0, 4.0)], [24.0, 36.0]).summary()
        {'seconds': 3.0, 'best': 2.0, 'clock_seconds': 3.5, 'theirs': 30.0, 'ratio': 10.0}
        """
        processor, clock = zip(*self.ours, strict=True)
        found = {"seconds": median(processor), "best": min(processor), "clock_seconds": median(clock)}
        if self.theirs:
            found |= {"theirs": median(self.theirs), "ratio": median(self.theirs) / median(processor)}
        return found

    def words(self) -> list[str]:
        """The summary as lines to print."""
        found = self.summary()
        lines = [f"{found['seconds']:.3f} s of processor time to read and evaluate, {found['best']:.3f} s at best"]
        if self.theirs:
            lines.append(f"theirs {found['theirs']:.3f} s; ours is {found['ratio']:.1f} times as fast")
        return lines


def time_of(job: Callable[[], object]) -> Seconds:
    """How long a job takes."""
    processor, clock = time.process_time(), time.perf_counter()
    job()
    return Seconds(time.process_time() - processor, time.perf_counter() - clock)


def measure_evaluation(gt: str, pred: str, theirs: Callable[[], float] | None, rounds: int) -> Times:
    """Reading truth and predictions and making all figures of the PoseTrack evaluation, in turn with another's."""

    def job() -> None:
        evaluate_posetrack(load_pairs(gt, pred, Complaints()))

    return Times(*take_turns(partial(time_of, job), theirs, rounds))


def frame_times(gt: str, pred: str, repeats: Iterable[int], rounds: int) -> dict[int, float]:
    """For each number of repeats the processor time a frame, in seconds, of evaluating sequences that many times as
    long, the best of the rounds. Raises ValueError for a number less than 1."""
    pairs, found = load_pairs(gt, pred, Complaints()), {}
    for repeat in repeats:
        if repeat < 1:
            raise ValueError(f"repeats must be 1 or more, got {repeat!r}")
        longer = [(repeated(truth, repeat), repeated(prediction, repeat)) for truth, prediction in pairs]
        best = min(time_of(partial(evaluate_posetrack, longer)).processor for _ in range(rounds))
        found[repeat] = best / sum(len(truth) for truth, _ in longer)
    return found


def repeated(sequence: Sequence, times: int) -> Sequence:
    """A sequence that is so many times as long: its frames again and again, with everybody in them."""
    n, count = len(sequence), len(sequence.people)
    return replace(
        sequence,
        frames=tuple(replace(sequence.frames[k % n], index=k) for k in range(n * times)),
        people=sequence.people[np.tile(np.arange(count), times)],
        frame_of=np.tile(sequence.frame_of, times) + np.repeat(np.arange(times) * n, count),
    )


def describe_machine(fabric: Fabric) -> dict[str, Any]:
    """What the speed of training depends on: the computer, threads and precision in use, the GPU if it is one."""
    import torch

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


def describe_computer() -> dict[str, Any]:
    """Its processor, the cores there are to use, system and versions."""
    from pose_track.runtime.machine import processor_name

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": processor_name(),
        "cores": cores,
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
