"""`pose-track weights`: what published weights there are, fetching them, and checking those that are kept."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

from pose_track.cli.parser import EXIT_FAULT, EXIT_INTERRUPTED, Parser, guarded
from pose_track.utils.cache_dir import VARIABLE
from pose_track.weights.download import set_aside
from pose_track.weights.store import fault, fetch_weights, stored_path, weights_folder
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
_HEADS = ("NAME", "FOR", "SKELETON", "INPUT", "KIND", "PUBLISHED FIGURE", "HERE", "LICENCE")
_FOR = {"pose": "keypoints", "trunk": "training", "detector": "detection", "flow": "optical flow"}


def weights(arguments: Sequence[str], prog: str) -> int:
    """The command with its words; returns the exit code. Raises SystemExit, with its code, for --help and for words
    that cannot be understood."""
    parser = _parser(prog)
    if not arguments:
        parser.print_help(sys.stderr)
        return EXIT_FAULT
    options = parser.parse_args(list(arguments))
    if options.action == "list":
        return guarded(_list)
    return guarded(partial(_get if options.action == "get" else _verify, options.names))


def _parser(prog: str) -> Parser:
    parser = Parser(
        prog=prog,
        description="Published weights, for --pose.weights, --detector.name and --tracker.flow.method.",
        epilog=f"They are kept in {weights_folder()}; the variable {VARIABLE} names another cache folder.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|get|verify")
    actions.add_parser("list", help="what there is, what it is for and what it reaches")
    get = actions.add_parser("get", help="download, unless they are here, and print their paths")
    get.add_argument("names", nargs="+", metavar="NAME", help="as pose-track weights list has it")
    verify = actions.add_parser("verify", help="check those that are here by their hash, and set broken ones aside")
    verify.add_argument("names", nargs="*", metavar="NAME", help="only these")
    return parser


def _list() -> int:
    """On a terminal in groups, which are narrow; else a line for each, which tells all of it."""
    entries = (*BUNDLED, *ZOO.values())
    if sys.stdout.isatty():
        for group, members in groupby(entries, _group):
            print(f"{group}\n{_table([_short_row(entry) for entry in members], indent='  ')}\n")
    else:
        print(f"{_table([_HEADS, *(_row(entry) for entry in entries)])}\n")
    print("sizes are width x height; AP of keypoints on COCO is with flip test, of people found by a detector")
    print(f"kept in {weights_folder()}")
    return 0


def _table(rows: Sequence[Sequence[str]], indent: str = "") -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = ((cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join((indent + "  ".join(row)).rstrip() for row in cells)


def _row(entry: PublishedWeights) -> tuple[str, ...]:
    """The cells of an entry under the heads."""
    form = ("-", "-", "-")
    if isinstance(entry, PublishedPoseWeights):
        form = (entry.skeleton, "{}x{}".format(*entry.input_size), entry.kind)
    return (entry.name, _FOR[entry.use], *form, entry.figure, _here(entry), entry.licence)


def _group(entry: PublishedWeights) -> str:
    """What an entry shares with its neighbours: what it is for, the joints, who publishes it, the licence."""
    joints = f" {entry.skeleton}" if isinstance(entry, PublishedPoseWeights) else ""
    return f"{_FOR[entry.use]}{joints}, by {entry.source.partition(',')[0]}: {entry.licence}"


def _short_row(entry: PublishedWeights) -> tuple[str, ...]:
    """The cells of an entry in its group."""
    name, _, _, size, kind, figure, here, _ = _row(entry)
    form = (size, kind) if isinstance(entry, PublishedPoseWeights) else ()
    return (name, *form, {"yes": "here", "no": "-"}.get(here, here), figure)


def _here(entry: PublishedWeights) -> str:
    if entry in BUNDLED:
        return "bundled"
    if stored_path(entry).is_file():
        return "yes"
    return "no" if entry.url else "by hand"


def _get(names: Sequence[str]) -> int:
    """Fetch all that can be fetched, once every name was understood."""
    code = 0
    for entry in _entries(names):
        code = max(code, guarded(partial(_get_one, entry)))
        if code == EXIT_INTERRUPTED:
            break
    return code


def _get_one(entry: PublishedWeights) -> int:
    print(fetch_weights(entry))
    return 0


def _verify(names: Sequence[str]) -> int:
    """Check files; exit code 2 where one is broken, or missing though it was named."""
    if names:
        states = [_state(stored_path(entry), entry) for entry in _entries(names)]
    else:
        folder = weights_folder()
        files = sorted(path for path in folder.glob("[!.]*") if path.is_file() and path.suffix != ".mismatch")
        states = [_state(path, find_published(path.name)) for path in files]
        if not files:
            print(f"there are no weights in {folder}")
    return EXIT_FAULT if {"broken", "missing"} & set(states) else 0


def _state(path: Path, entry: PublishedWeights | None) -> str:
    """Print what a file is, in a word and more, and return the word."""
    reason: str | None = None
    if not path.is_file():
        state, reason = "missing", f"{path.parent} does not have it"
    elif entry is None:
        state, reason = "unknown", "nothing is published under this name"
    elif (reason := fault(path, entry)) is not None:
        state, reason = "broken", f"{reason}; kept as {set_aside(path, path).name}"
    elif not entry.sha256:
        state, reason = "unsure", "its authors publish no hash to compare with"
    else:
        state = "ok"
    print(f"{state:8}{path.name}" + (f": {reason}" if reason else ""))
    return state


def _entries(names: Sequence[str]) -> list[PublishedWeights]:
    """Raises ValueError for a name that is not in the table."""
    for name in names:
        if name in {entry.name for entry in BUNDLED}:
            raise ValueError(f"{name!r} comes with the program: there is nothing to fetch or to check")
        if name not in ZOO:
            raise unknown_name(name)
    return [ZOO[name] for name in names]
