"""Tables in Markdown of the scores of several trackers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pose_track.benchmarks.identity.score import ALL, LIKE, UNLIKE, EventScore, Scores

_COLUMNS = {
    "idf1": "IDF1", "ass_a": "AssA", "hota": "HOTA", "mota": "MOTA", "switches": "switches",
    "fragmentations": "fragmentations", "strangers": "strangers taken", "misses": "misses",
    "false_positives": "false positives",
}  # fmt: skip
_WHOLE = (ALL, UNLIKE, LIKE)


def identity_tables(scores: Mapping[str, Scores]) -> list[str]:
    """Tables of all composed clips, of the groups of clips and the real ones, and of kinds of events.

    scores: by tracker.
    """
    some = next(iter(scores.values()))
    whole = [
        [f"{tracker}: {group}" if group != ALL else tracker, *_cells(result.groups[group])]
        for group in _WHOLE
        if group in some.groups
        for tracker, result in scores.items()
    ]
    groups = [
        [group, *(_short(result.groups[group]) for result in scores.values())]
        for group in some.groups
        if group not in _WHOLE
    ]
    kinds = [
        [kind, str(event.events), *(_counts(result.events[kind]) for result in scores.values())]
        for kind, event in some.events.items()
    ]
    tables = [
        (["composed clips", *_COLUMNS.values()], whole),
        (["IDF1, switches, strangers taken", *scores], groups),
        (["events with a switch / a stranger", "events", *scores], kinds),
    ]
    lines = [[*_table(heads, rows), ""] for heads, rows in tables if rows]
    return [line for table in lines for line in table]


def _cells(metrics: Mapping[str, float]) -> list[str]:
    return [_number(metrics[name]) for name in _COLUMNS]


def _short(metrics: Mapping[str, float]) -> str:
    return ", ".join(_number(metrics[name]) for name in ("idf1", "switches", "strangers"))


def _counts(event: EventScore) -> str:
    return f"{event.switched} / {event.taken}"


def _number(value: float) -> str:
    """A count, or a share with three decimals.

    >>> _number(12), _number(0.5), _number(float("nan"))
    ('12', '0.500', '-')
    """
    if isinstance(value, int):
        return str(value)
    return "-" if math.isnan(value) else f"{value:.3f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]


def identity_metrics(scores: Mapping[str, Scores]) -> dict[str, Any]:
    """The same as values for a JSON file; None where a metric is undefined."""
    return {
        tracker: {
            "groups": {
                group: {name: None if math.isnan(value) else value for name, value in metrics.items()}
                for group, metrics in result.groups.items()
            },
            "events": {kind: asdict(event) for kind, event in result.events.items()},
        }
        for tracker, result in scores.items()
    }
