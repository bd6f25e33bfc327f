"""What a job of tools/benchmark.py is: its options, and a measurement that gives lines to print and figures to keep."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from pose_track.benchmarks.speed.timing import command_figure


class Measured(NamedTuple):
    """What came out. lines: to print; figures: values for a JSON file."""

    lines: Sequence[str]
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """add_options: of its own, to its parser; measure: options and dotted settings -> what came out.

    takes_settings: whether --section.name VALUE means anything to it. measure raises ValueError, OSError or ImportError
    in the user's words; nothing is too slow for it.
    """

    help: str
    add_options: Callable[[ArgumentParser], None]
    measure: Callable[[Namespace, dict[str, str]], Measured]
    takes_settings: bool = False


def add_rounds(parser: ArgumentParser) -> None:
    """--rounds N."""
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each; the median counts")


def add_against(parser: ArgumentParser, figure: str) -> None:
    """--against COMMAND. figure: what the command prints."""
    parser.add_argument(
        "--against", metavar="COMMAND", help=f"another program to measure in turn; it prints '{figure}: X'"
    )


def other_program(options: Namespace, figure: str) -> Callable[[], float] | None:
    """The command of `add_against` as a function that runs it and gives its figure; None where there is none."""
    return partial(command_figure, options.against, figure) if options.against else None
