"""List, download and verify published weights, for --pose.weights, --detector.name and --tracker.flow.method."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.cli.parser import Parser
from pose_track.cli.runner import run_jobs
from pose_track.utils.cache_dir import VARIABLE
from pose_track.weights.download import set_aside
from pose_track.weights.store import fetch_weights, find_problem, stored_path, weights_folder
from pose_track.weights.zoo import (
    BUNDLED_DETECTOR,
    BUNDLED_POSE,
    ZOO,
    PublishedPoseWeights,
    PublishedWeights,
    find_published,
    unknown_name,
)

BUNDLED = (BUNDLED_POSE, BUNDLED_DETECTOR)
_COLUMNS = ("NAME", "USE", "SKELETON", "INPUT", "HEATMAPS", "PUBLISHED RESULT", "STORED", "LICENCE")
_USES = {"pose": "keypoints", "trunk": "training", "detector": "detection", "flow": "optical flow"}


def add_arguments(parser: Parser) -> None:
    parser.epilog = f"They are stored in {weights_folder()}; the variable {VARIABLE} names another cache folder."
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|get|verify", parser_class=Parser)
    actions.add_parser("list", help="list all weights, their use and their published result")
    get = actions.add_parser("get", help="download weights that are not stored yet, and print their paths")
    get.add_argument("names", nargs="+", metavar="NAME", help="names of pose-track weights list")
    verify = actions.add_parser("verify", help="compare stored weights with their hash, and set broken files aside")
    verify.add_argument("names", nargs="*", metavar="NAME", help="only these")


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    if options.action == "list":
        return _list()
    return (_get if options.action == "get" else _verify)(options.names)


def _list() -> int:
    """Print all weights: on a terminal in groups, which are narrow; else in one line each, with all columns."""
    entries = (*BUNDLED, *ZOO.values())
    if sys.stdout.isatty():
        for group, members in groupby(entries, _group):
            print(f"{group}\n{_table([_short_row(entry) for entry in members], indent='  ')}\n")
    else:
        print(f"{_table([_COLUMNS, *(_row(entry) for entry in entries)])}\n")
    print("sizes are width x height; keypoint AP on COCO is with the flip test, in the boxes of a detector")
    print(f"stored in {weights_folder()}")
    return 0


def _table(rows: Sequence[Sequence[str]], indent: str = "") -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = ((cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join((indent + "  ".join(row)).rstrip() for row in cells)


def _row(entry: PublishedWeights) -> tuple[str, ...]:
    """The cells of an entry, see `_COLUMNS`."""
    model = ("-", "-", "-")
    if isinstance(entry, PublishedPoseWeights):
        model = (entry.skeleton, "{}x{}".format(*entry.input_size), entry.heatmap_type)
    return (entry.name, _USES[entry.use], *model, entry.result, _stored(entry), entry.licence)


def _group(entry: PublishedWeights) -> str:
    """The heading of an entry's group: use, skeleton, publisher, licence."""
    joints = f" {entry.skeleton}" if isinstance(entry, PublishedPoseWeights) else ""
    return f"{_USES[entry.use]}{joints}, by {entry.source.partition(',')[0]}: {entry.licence}"


def _short_row(entry: PublishedWeights) -> tuple[str, ...]:
    """The cells of an entry in its group."""
    name, _, _, size, heatmap_type, result, stored, _ = _row(entry)
    model = (size, heatmap_type) if isinstance(entry, PublishedPoseWeights) else ()
    return (name, *model, {"yes": "stored", "no": "-"}.get(stored, stored), result)


def _stored(entry: PublishedWeights) -> str:
    if entry in BUNDLED:
        return "bundled"
    if stored_path(entry).is_file():
        return "yes"
    return "no" if entry.url else "by hand"


def _get(names: Sequence[str]) -> int:
    """Download all that can be downloaded, after every name is checked."""
    return run_jobs([partial(_get_one, entry) for entry in _entries(names)])


def _get_one(entry: PublishedWeights) -> int:
    print(fetch_weights(entry))
    return 0


def _verify(names: Sequence[str]) -> int:
    """Verify files; exit code 2 where one is broken, or named and missing."""
    if names:
        states = [_state(stored_path(entry), entry) for entry in _entries(names)]
    else:
        folder = weights_folder()
        files = sorted(path for path in folder.glob("[!.]*") if path.is_file() and path.suffix != ".mismatch")
        states = [_state(path, find_published(path.name)) for path in files]
        if not files:
            print(f"there are no weights in {folder}")
    return EXIT_ERROR if {"broken", "missing"} & set(states) else 0


def _state(path: Path, entry: PublishedWeights | None) -> str:
    """Print the state of a file, ok, broken, missing, unverified or unknown, with the reason, and return it."""
    reason: str | None = None
    if not path.is_file():
        state, reason = "missing", f"it is not in {path.parent}"
    elif entry is None:
        state, reason = "unknown", "no published weights have this name"
    elif (reason := find_problem(path, entry)) is not None:
        state, reason = "broken", f"{reason}; kept as {set_aside(path, path).name}"
    elif not entry.sha256:
        state, reason = "unverified", "its authors publish no hash"
    else:
        state = "ok"
    print(f"{state:11}{path.name}" + (f": {reason}" if reason else ""))
    return state


def _entries(names: Sequence[str]) -> list[PublishedWeights]:
    """Raises ValueError for a name that is not in the table."""
    for name in names:
        if name in {entry.name for entry in BUNDLED}:
            raise ValueError(f"{name!r} comes with the program; there is nothing to download or verify")
        if name not in ZOO:
            raise unknown_name(name)
    return [ZOO[name] for name in names]
