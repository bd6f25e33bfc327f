"""Convert poses and tracks between file formats; see docs/formats.md.

IN is a tracks.jsonl, PoseTrack or COCO results JSON, MOTChallenge text, CVAT's XML, Label Studio's JSON or a file of
another tool, identified by its content, and OUT a file (for openpose, trc, c3d, bvh, nwb and person-json a folder); or
IN is a folder of such files and OUT a folder, where they keep their names.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pose_track.cli.choice_options import add_choice, chosen_people
from pose_track.cli.options import add_lenient, add_overwrite, add_skeleton, chosen_skeleton
from pose_track.cli.parser import Parser
from pose_track.cli.runner import run_jobs


def add_arguments(parser: Parser) -> None:
    from pose_track.formats.registry import FORMATS

    parser.add_argument("path", type=Path, metavar="IN", help="a file, or a folder of files")
    parser.add_argument("out", type=Path, metavar="OUT", help="a file, or a folder where IN is one")
    formats = ", ".join(FORMATS)
    parser.add_argument("--to", choices=FORMATS, required=True, metavar="FORMAT", help=f"output format: {formats}")
    parser.add_argument(
        "--images",
        type=Path,
        metavar="VIDEO",
        help="for coco-dataset: also write the frames of this video, into the folder images beside OUT",
    )
    add_choice(parser)
    add_skeleton(parser)
    add_lenient(parser)
    add_overwrite(parser)


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.formats.conversion import conversion_jobs

    if options.images:
        _check_images(options)
    jobs = conversion_jobs(options.path, options.out, options.to, options.overwrite)
    return run_jobs(partial(_convert, path, out, options) for path, out in jobs)


def _convert(path: Path, out: Path, options: argparse.Namespace) -> int:
    from pose_track.formats.conversion import convert_file
    from pose_track.formats.problems import Problems
    from pose_track.formats.registry import FORMATS

    problems = Problems(options.lenient)
    counts = convert_file(path, out, options.to, problems, chosen_skeleton(options), chosen_people(options))
    problems.log_summary()
    if options.images:
        _extract_images(path, out, options)
    skipped = f", {len(problems.messages)} problems left out" if problems.messages else ""
    people = f"{counts.frames} frames, {counts.people} people"
    print(f"{path} -> {out}: {people if FORMATS[options.to].has_people else counts.skeleton}{skipped}")
    return 0


def _check_images(options: argparse.Namespace) -> None:
    if options.to != "coco-dataset" or options.path.is_dir():
        raise ValueError("--images goes with --to coco-dataset and one file; leave it out")
    if (folder := options.out.parent / "images").exists():
        raise FileExistsError(f"the folder of the images, {str(folder)!r}, already exists; give another output")


def _extract_images(path: Path, out: Path, options: argparse.Namespace) -> None:
    from pose_track.datasets.extract_images import extract_images
    from pose_track.formats.problems import Problems
    from pose_track.formats.registry import read_sequence

    sequence = read_sequence(path, Problems(options.lenient), chosen_skeleton(options))
    folder = out.parent / "images"
    print(f"{options.images} -> {folder}: {extract_images(sequence, options.images, folder)} images")
