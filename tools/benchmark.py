#!/usr/bin/env python3
"""Measure speed and memory, in turn with another program where one is given: tools/benchmark.py JOB --help.

A job prints a table; --json FILE keeps its figures, and the machine they were measured on. Nothing is too slow for it.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pose_track.benchmarks.speed.jobs import JOBS
from pose_track.benchmarks.speed.jobs.job import Job, Measured
from pose_track.benchmarks.speed.machine import describe_computer, machine_words
from pose_track.cli.parser import Parser, guarded, split_overrides


def measure(job: Job, options: argparse.Namespace, words: Sequence[str]) -> int:
    if words and not job.takes_settings:
        raise ValueError(f"unknown option {words[0]!r}; see benchmark.py {options.job} --help")
    tell(job.measure(options, split_overrides(words)), options.json)
    return 0


def tell(found: Measured, path: Path | None) -> None:
    print("\n".join(found.lines), f"\non {machine_words()}", sep="")
    if path is not None:
        figures: Mapping[str, object] = {"machine": describe_computer(), **found.figures}
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="benchmark.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    subparsers = parser.add_subparsers(dest="job", required=True, metavar="JOB")
    for name, job in JOBS.items():
        one = subparsers.add_parser(name, help=job.help, description=job.help, allow_abbrev=False)
        job.add_options(one)
        one.add_argument("--json", type=Path, help="a file for the figures and what they were measured on")
    options, rest = parser.parse_known_args(arguments)
    return guarded(lambda: measure(JOBS[options.job], options, rest))


if __name__ == "__main__":
    sys.exit(main())
