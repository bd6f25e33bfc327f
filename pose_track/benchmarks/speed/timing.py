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


def in_turns(jobs: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Each of the jobs, and all again, `rounds` times, so that a busy moment of the machine hits all of them: by name
    what each gave, round by round. Raises ValueError for less than one round.

    >>> in_turns({"a": lambda: 1, "b": lambda: 2}, 2)
    {'a': [1, 1], 'b': [2, 2]}
    """
    check_rounds(rounds)
    found: dict[str, list[T]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            found[name].append(job())
    return found


def take_turns(ours: Callable[[], T], theirs: Callable[[], float] | None, rounds: int) -> tuple[list[T], list[float]]:
    """`in_turns` of our job and of another program, if there is one."""
    found: tuple[list[T], list[float]] = ([], [])
    jobs = {"ours": lambda: found[0].append(ours())}
    if theirs is not None:
        jobs["theirs"] = lambda: found[1].append(theirs())
    in_turns(jobs, rounds)
    return found


def check_rounds(rounds: int) -> None:
    """Raises ValueError for less than one round."""
    if rounds < 1:
        raise ValueError(f"rounds must be 1 or more, got {rounds!r}")
