"""The list of all published weights, as `pose-track weights list` prints it."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from itertools import groupby

from pose_track.weights.entries.entry import PublishedGraph, PublishedPoseWeights, PublishedWeights
from pose_track.weights.store import stored_path, weights_folder
from pose_track.weights.zoo import BUNDLED_DETECTOR, BUNDLED_POSE, ZOO

BUNDLED = (BUNDLED_POSE, BUNDLED_DETECTOR)

_COLUMNS = (
    *("NAME", "USE", "SKELETON", "INPUT", "OUTPUTS", "PUBLISHED RESULT", "STORED"),
    *("LICENCE OF CODE", "OF WEIGHTS", "OF TRAINING DATA"),
)
_USES = {
    "pose": "keypoints",
    "one_stage": "people and keypoints",
    "trunk": "training",
    "detector": "detection",
    "flow": "optical flow",
}
_WIDTH = 100


def print_list() -> int:
    """Print all weights: on a terminal in groups, which are narrow; else in one line each, with all columns."""
    entries = (*BUNDLED, *ZOO.values())
    if sys.stdout.isatty():
        for group, members in groupby(entries, _group):
            print(f"{group}\n{_table([_short_row(entry) for entry in members], indent='  ')}\n")
    else:
        print(f"{_table([_COLUMNS, *(_row(entry) for entry in entries)])}\n")
    print("sizes are width x height; AP on COCO is in a detector's boxes, with the flip test if nothing is said")
    print(f"stored in {weights_folder()}")
    return 0


def _table(rows: Sequence[Sequence[str]], indent: str = "") -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = ((cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join((indent + "  ".join(row)).rstrip() for row in cells)


def _row(entry: PublishedWeights) -> tuple[str, ...]:
    """The cells of an entry, see `_COLUMNS`."""
    licence = entry.licence
    return (
        *(entry.name, _USES[entry.use], *_network(entry), entry.result, _stored(entry)),
        *(licence.code, licence.weights, licence.data),
    )


def _network(entry: PublishedWeights) -> tuple[str, str, str]:
    """Skeleton, size of the input, and heatmaps or other outputs."""
    if isinstance(entry, PublishedPoseWeights):
        return entry.skeleton, "{}x{}".format(*entry.input_size), entry.heatmap_type
    if isinstance(entry, PublishedGraph):
        return entry.skeleton or "-", "{}x{}".format(*entry.input_size), entry.outputs
    return "-", "-", "-"


def _group(entry: PublishedWeights) -> str:
    """The heading of an entry's group: use, skeleton, publisher, and licences, on lines of moderate width."""
    skeleton = _network(entry)[0]
    title = f"{_USES[entry.use]}{'' if skeleton == '-' else f' {skeleton}'}, by {entry.source.partition(',')[0]}"
    terms = textwrap.fill(
        str(entry.licence), _WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
    )
    return f"{title}\n{terms}"


def _short_row(entry: PublishedWeights) -> tuple[str, ...]:
    """The cells of an entry in its group."""
    _, size, outputs = _network(entry)
    stored = {"yes": "stored", "no": "-"}.get(_stored(entry), _stored(entry))
    return (entry.name, *((size, outputs) if size != "-" else ()), stored, entry.result)


def _stored(entry: PublishedWeights) -> str:
    if entry in BUNDLED:
        return "bundled"
    if stored_path(entry).is_file():
        return "yes"
    return "no" if entry.urls else "by hand"
