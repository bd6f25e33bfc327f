"""A job of `pose-track benchmark`: its options, and a measurement that returns lines to print and metrics for JSON."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from pose_track.benchmarks.speed.timing import read_metric


class JobResult(NamedTuple):
    """The result of a job. lines: to print; metrics: values for a JSON file."""

    lines: Sequence[str]
    metrics: Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """One job.

    help: one line for `--help`.
    add_options: adds the job's own options to its parser.
    measure: from the options and the dotted settings to the result. Raises ValueError, OSError or ImportError with a
    one-line message. A slow machine is no error.
    takes_settings: whether the job accepts --section.name VALUE.
    """

    help: str
    add_options: Callable[[ArgumentParser], None]
    measure: Callable[[Namespace, dict[str, str]], JobResult]
    takes_settings: bool = False


def add_rounds(parser: ArgumentParser) -> None:
    """Add --rounds N."""
    parser.add_argument("--rounds", type=int, default=3, help="number of measurements; the median counts")


def add_against(parser: ArgumentParser, metric: str) -> None:
    """Add --against COMMAND. metric: the name of what the command prints."""
    parser.add_argument(
        "--against", metavar="COMMAND", help=f"baseline program to measure in turn; it prints a line '{metric}: X'"
    )


def baseline_metric(options: Namespace, metric: str) -> Callable[[], float] | None:
    """The command of `add_against` as a function that runs it and returns its metric; None without a command."""
    return partial(read_metric, options.against, metric) if options.against else None
