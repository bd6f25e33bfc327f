"""Measured figures, and their tables in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Network = Literal["keypoints", "detector"]


@dataclass(frozen=True)
class Figure:
    """One figure of a set.

    network: the table that it belongs to. Figures of the whole job are in that of the keypoints.
    name: heading of its column, such as "gym PCK@0.2".
    value: NaN where undefined; None where the set is absent.
    parts: the same figure by source, video or joint.
    percent: shown in percent with one decimal, else with three decimals.
    note: a few words, such as what is absent.
    """

    network: Network
    name: str
    value: float | None
    parts: Mapping[str, float] = field(default_factory=dict)
    percent: bool = False
    note: str = ""

    def text(self, value: float | None) -> str:
        """A value of this figure as text.

        >>> figure = Figure("keypoints", "sample AP", 0.8125, percent=True)
        >>> figure.text(figure.value), figure.text(None), figure.text(float("nan"))
        ('81.2', 'absent', '-')
        """
        if value is None:
            return "absent"
        if math.isnan(value):
            return "-"
        return f"{100 * value:.1f}" if self.percent else f"{value:.3f}"


def markdown_tables(label: str, figures: Sequence[Figure]) -> list[str]:
    """The tables: for each network one row with all figures, to be added to a table of other weights, then the parts.

    label: of the row.
    """
    lines: list[str] = []
    for network in ("keypoints", "detector"):
        chosen = [figure for figure in figures if figure.network == network]
        if chosen:
            heads = [f"{figure.name} %" if figure.percent else figure.name for figure in chosen]
            rows = [[label, *(figure.text(figure.value) for figure in chosen)]]
            lines += [*_table([network, *heads], rows), ""]
    details = [[figure.name, figure.text(figure.value), _parts(figure)] for figure in figures]
    return [*lines, *_table(["figure", "value", "parts"], details)]


def figures_json(figures: Iterable[Figure]) -> list[dict[str, Any]]:
    """The same as values for a JSON file; null where undefined or absent, with "absent" to tell them apart."""
    return [
        {
            "network": figure.network,
            "name": figure.name,
            "value": _known(figure.value),
            "absent": figure.value is None,
            "parts": {name: _known(value) for name, value in figure.parts.items()},
            "note": figure.note,
        }
        for figure in figures
    ]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows)]


def _parts(figure: Figure) -> str:
    parts = [f"{name} {figure.text(value)}" for name, value in figure.parts.items()]
    return "; ".join(filter(None, [figure.note, ", ".join(parts)]))


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
