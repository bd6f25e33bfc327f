"""One-to-one assignment where only few pairs are possible at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import lap
import numpy as np

from pose_track.structures.sequence import IntArray


def assign(rows: Sequence[int], columns: Sequence[int], costs: Sequence[float], otherwise: float) -> list[int]:
    """Which of the listed pairs are chosen so that the costs of all have the least sum, by Jonker and Volgenant
    ("A shortest augmenting path algorithm", Computing 38, 1987).

    rows, columns: names of what is paired, each pair once; costs: of the pairs; otherwise: cost of a row and a column
    that are not listed as a pair and may then stay alone, larger than any cost listed.

    >>> assign([7, 7, 8], [1, 2, 1], [0.1, 0.3, 0.2], 9.0), assign([7, 7, 8], [1, 2, 1], [-5, -1, -3], 0.0)
    ([1, 2], [0])
    """
    cheapest: dict[int, int] = {}  # of each row
    for pair, row in enumerate(rows):
        if row not in cheapest or costs[pair] < costs[cheapest[row]]:
            cheapest[row] = pair
    wanted = {columns[pair] for pair in cheapest.values()}
    if len(wanted) == len(cheapest):  # no sum can be less than when everybody gets their best
        return list(cheapest.values())
    row_of = {name: place for place, name in enumerate(cheapest)}
    column_of = {name: place for place, name in enumerate(dict.fromkeys(columns))}
    at = [row_of[name] for name in rows], [column_of[name] for name in columns]
    table = np.full((len(row_of), len(column_of)), float(otherwise))
    table[at] = costs
    chosen = lap.lapjv(table, extend_cost=True)[1].tolist()
    return [pair for pair, (row, column) in enumerate(zip(*at, strict=True)) if chosen[row] == column]


def runs(keys: IntArray) -> Iterator[tuple[int, int]]:
    """Start and end of each stretch of equal keys.

    >>> list(runs(np.array([4, 4, 9])))
    [(0, 2), (2, 3)]
    """
    if not len(keys):
        return iter(())
    starts = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1)).tolist()
    return zip(starts, [*starts[1:], len(keys)], strict=True)
