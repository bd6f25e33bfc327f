"""Timing a call, reading another program's result, and running jobs in turn."""

from __future__ import annotations

import math
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Timing(NamedTuple):
    """Seconds of one call: cpu, processor time of this process; wall, elapsed time."""

    cpu: float
    wall: float


def time_call(call: Callable[[], object]) -> Timing:
    """Time one call."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return Timing(time.process_time() - cpu, time.perf_counter() - wall)


def read_metric(command: str, name: str) -> float:
    """Run a command and return the number of the last line `name: X` it prints.

    command: is split like a shell command, but run without a shell. Raises ValueError if the command fails or prints
    no positive number, OSError if there is no such program.
    """
    value = _last_number(_output(command), name)
    if not 0 < value < math.inf:
        raise ValueError(f"the command {command!r} printed no line '{name}: X' with a positive number")
    return value


def read_metrics(command: str, names: Sequence[str]) -> dict[str, float]:
    """The same for several numbers of one run, by name, which may be 0."""
    output = _output(command)
    values = {name: _last_number(output, name) for name in names}
    for name, value in values.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"the command {command!r} printed no line '{name}: X' with a number of 0 or more")
    return values


def _output(command: str) -> str:
    words = shlex.split(command)
    if not words:
        raise ValueError("the command to compare with is empty; give a program that prints its result")
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ValueError(f"the command {command!r} ended with code {done.returncode}; run it alone to see why")
    return done.stdout


def _last_number(output: str, name: str) -> float:
    """The number of the last line `name: X`; not a number where there is none."""
    lines = re.findall(rf"^{re.escape(name)}: *(\S+)\s*$", output, re.MULTILINE)
    try:
        return float(lines[-1])
    except (IndexError, ValueError):
        return math.nan


def run_interleaved(jobs: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Run all jobs once in each round, so that other load on the machine affects all of them alike.

    Returns the results of each job, by name, in the order of the rounds. Raises ValueError for less than one round.

    >>> run_interleaved({"a": lambda: 1, "b": lambda: 2}, 2)
    {'a': [1, 1], 'b': [2, 2]}
    """
    check_rounds(rounds)
    results: dict[str, list[T]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            results[name].append(job())
    return results


def compare_interleaved(
    job: Callable[[], T], baseline: Callable[[], float] | None, rounds: int
) -> tuple[list[T], list[float]]:
    """`run_interleaved` for one job and a baseline; the second list is empty without a baseline."""
    results: tuple[list[T], list[float]] = ([], [])
    jobs = {"job": lambda: results[0].append(job())}
    if baseline is not None:
        jobs["baseline"] = lambda: results[1].append(baseline())
    run_interleaved(jobs, rounds)
    return results


def check_rounds(rounds: int) -> None:
    """Raise ValueError for less than one round."""
    if rounds < 1:
        raise ValueError(f"rounds must be 1 or more, got {rounds!r}")
