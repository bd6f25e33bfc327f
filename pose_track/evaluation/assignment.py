"""One-to-one assignment of sparse pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import lap
import numpy as np

from pose_track.structures.arrays import IntArray


def assign(rows: Sequence[int], columns: Sequence[int], costs: Sequence[float], unlisted_cost: float) -> list[int]:
    """The indices of the listed pairs in the assignment of least total cost, by Jonker and Volgenant ("A shortest
    augmenting path algorithm", Computing 38, 1987).

    rows, columns: the row and the column of each pair; each pair is listed once.
    costs: the cost of each pair.
    unlisted_cost: the cost of an unlisted pair, larger than every listed cost. Its row and column stay unassigned.

    >>> assign([7, 7, 8], [1, 2, 1], [0.1, 0.3, 0.2], 9.0), assign([7, 7, 8], [1, 2, 1], [-5, -1, -3], 0.0)
    ([1, 2], [0])
    """
    cheapest: dict[int, int] = {}  # row -> pair
    for pair, row in enumerate(rows):
        if row not in cheapest or costs[pair] < costs[cheapest[row]]:
            cheapest[row] = pair
    if len({columns[pair] for pair in cheapest.values()}) == len(cheapest):
        return list(cheapest.values())  # each row gets its cheapest column, which is optimal
    row_index = {row: index for index, row in enumerate(cheapest)}
    column_index = {column: index for index, column in enumerate(dict.fromkeys(columns))}
    cells = [row_index[row] for row in rows], [column_index[column] for column in columns]
    cost_matrix = np.full((len(row_index), len(column_index)), float(unlisted_cost))
    cost_matrix[cells] = costs
    assigned = lap.lapjv(cost_matrix, extend_cost=True)[1].tolist()
    return [pair for pair, (row, column) in enumerate(zip(*cells, strict=True)) if assigned[row] == column]


def runs(keys: IntArray) -> Iterator[tuple[int, int]]:
    """Start and end of each run of equal keys.

    >>> list(runs(np.array([4, 4, 9])))
    [(0, 2), (2, 3)]
    """
    if not len(keys):
        return iter(())
    starts = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1)).tolist()
    return zip(starts, [*starts[1:], len(keys)], strict=True)
