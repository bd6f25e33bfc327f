"""What measurements of speed have in common: how long a job takes, what another program says, and taking turns."""

from __future__ import annotations

import math
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Seconds(NamedTuple):
    """How long something took: processor time, and time on the clock."""

    processor: float
    clock: float


def time_of(job: Callable[[], object]) -> Seconds:
    """How long a job takes."""
    processor, clock = time.process_time(), time.perf_counter()
    job()
    return Seconds(time.process_time() - processor, time.perf_counter() - clock)


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


def check_rounds(rounds: int) -> None:
    """Raises ValueError for less than one round."""
    if rounds < 1:
        raise ValueError(f"rounds must be 1 or more, got {rounds!r}")


def take_turns(ours: Callable[[], T], theirs: Callable[[], float] | None, rounds: int) -> tuple[list[T], list[float]]:
    """Ours, theirs, ours, theirs and so on, `rounds` times, so that a busy moment of the machine hits both.

    Raises ValueError for less than one round.
    """
    check_rounds(rounds)
    found: tuple[list[T], list[float]] = ([], [])
    for _ in range(rounds):
        found[0].append(ours())
        if theirs is not None:
            found[1].append(theirs())
    return found


def in_turns(jobs: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """The same of any number of jobs: by name what each gave, round by round. Raises ValueError for less than one.

    >>> in_turns({"a": lambda: 1, "b": lambda: 2}, 2)
    {'a': [1, 1], 'b': [2, 2]}
    """
    check_rounds(rounds)
    found: dict[str, list[T]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            found[name].append(job())
    return found
