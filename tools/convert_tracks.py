#!/usr/bin/env python3
"""Convert poses and tracks between formats: tools/convert_tracks.py IN OUT --to FORMAT; see docs/formats.md.

IN is a tracks.jsonl, PoseTrack or COCO results JSON or MOTChallenge text, recognised by its content, and OUT a file
(for openpose a folder); or IN is a folder of such files and OUT a folder, where they keep their names.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pose_track.cli.parser import Parser, guarded
from pose_track.formats.conversion import conversions, convert_file
from pose_track.formats.problems import Problems
from pose_track.formats.registry import FORMATS
from pose_track.structures.skeleton import SKELETONS


def run(options: argparse.Namespace) -> int:
    jobs = conversions(options.path, options.out, options.to, options.overwrite)
    return max([guarded(partial(convert, path, out, options)) for path, out in jobs])


def convert(path: Path, out: Path, options: argparse.Namespace) -> int:
    problems = Problems(options.lenient)
    done = convert_file(path, out, options.to, problems, SKELETONS.get(options.skeleton))
    problems.summarise()
    left_out = f", {len(problems.messages)} faults left out" if problems.messages else ""
    print(f"{path} -> {out}: {done.frames} frames, {done.people} people{left_out}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="convert_tracks.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("path", type=Path, metavar="IN", help="a file, or a folder of files")
    parser.add_argument("out", type=Path, metavar="OUT", help="a file, or a folder where IN is one")
    parser.add_argument("--to", choices=FORMATS, required=True, help="the format to write")
    parser.add_argument("--skeleton", choices=SKELETONS, help="the order of joints in COCO results, if not COCO's own")
    parser.add_argument("--lenient", action="store_true", help="leave out what is wrong in a file, and count it")
    parser.add_argument("--overwrite", action="store_true", help="replace what OUT already has")
    options = parser.parse_args(arguments)
    return guarded(lambda: run(options))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    sys.exit(main())
