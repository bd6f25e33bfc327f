"""Convert poses and tracks between file formats; see docs/formats.md.

IN is a tracks.jsonl, PoseTrack or COCO results JSON, or MOTChallenge text, identified by its content, and OUT a file
(for openpose a folder); or IN is a folder of such files and OUT a folder, where they keep their names.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pose_track.cli.options import add_lenient, add_overwrite, add_skeleton, chosen_skeleton
from pose_track.cli.parser import Parser
from pose_track.cli.runner import run_jobs


def add_arguments(parser: Parser) -> None:
    from pose_track.formats.registry import FORMATS

    parser.add_argument("path", type=Path, metavar="IN", help="a file, or a folder of files")
    parser.add_argument("out", type=Path, metavar="OUT", help="a file, or a folder where IN is one")
    formats = ", ".join(FORMATS)
    parser.add_argument("--to", choices=FORMATS, required=True, metavar="FORMAT", help=f"output format: {formats}")
    add_skeleton(parser)
    add_lenient(parser)
    add_overwrite(parser)


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.formats.conversion import conversion_jobs

    jobs = conversion_jobs(options.path, options.out, options.to, options.overwrite)
    return run_jobs(partial(_convert, path, out, options) for path, out in jobs)


def _convert(path: Path, out: Path, options: argparse.Namespace) -> int:
    from pose_track.formats.conversion import convert_file
    from pose_track.formats.problems import Problems

    problems = Problems(options.lenient)
    counts = convert_file(path, out, options.to, problems, chosen_skeleton(options))
    problems.log_summary()
    skipped = f", {len(problems.messages)} problems left out" if problems.messages else ""
    print(f"{path} -> {out}: {counts.frames} frames, {counts.people} people{skipped}")
    return 0
