"""Measure speed and memory, in turn with another program where one is given; see docs/speed.md. The jobs `quality` and
`consistency` measure the accuracy of networks, see docs/bundled_networks.md, and `identity` that of track ids, see
docs/tracking.md.

A job prints a table; --json FILE keeps its figures and the machine that they were measured on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from pose_track.cli.parser import Parser


def add_arguments(parser: Parser) -> None:
    from pose_track.benchmarks.jobs import JOBS

    jobs = parser.add_subparsers(dest="job", required=True, metavar="JOB", parser_class=Parser)
    for name, job in JOBS.items():
        job_parser = jobs.add_parser(name, help=job.help, description=job.help)
        job.add_options(job_parser)
        job_parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures and the machine")
    parser.take_any_option()


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.benchmarks.jobs import JOBS
    from pose_track.benchmarks.speed.machine import describe_machine, machine_summary

    job = JOBS[options.job]
    if overrides and not job.takes_settings:
        raise ValueError(f"unknown option '--{next(iter(overrides))}'; see pose-track benchmark {options.job} --help")
    result = job.measure(options, dict(overrides))
    print("\n".join(result.lines), f"\non {machine_summary()}", sep="")
    if options.json is not None:
        text = json.dumps({"machine": describe_machine(), **result.metrics}, indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0
