"""Pair rows with columns by their similarity, one to one. Nothing here knows what a pose is."""

from __future__ import annotations

from collections.abc import Callable

import lap
import numpy as np
from numpy.typing import NDArray

Similarity = NDArray[np.float64]
Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
Matcher = Callable[[Similarity, float], Pairs]


def _admissible(similarity: Similarity, min_similarity: float) -> NDArray[np.bool_]:
    """(N, M) which pairs may be matched at all; what has nothing in common (similarity 0) never may."""
    if similarity.ndim != 2:
        raise ValueError(f"similarity must have shape (N, M), got {similarity.shape}")
    return (similarity >= min_similarity) & (similarity > 0)


def match_greedy(similarity: Similarity, min_similarity: float) -> Pairs:
    """Take the most similar pair, then the most similar of what is left, and so on.

    similarity: (N, M), larger is more alike; pairs below `min_similarity` or not above 0 (NaN among them) are never
    matched. Returns rows (P,) and columns (P,), P <= min(N, M), by rising row. Of equally similar pairs the one in the
    lowest row is taken first, then the one in the lowest column. Raises ValueError unless `similarity` has two axes.

    >>> match_greedy(np.array([[0.9, 0.8], [0.8, 0.1]]), 0.3)
    (array([0]), array([0]))
    """
    rows, cols = np.nonzero(_admissible(similarity, min_similarity))  # in order of row, then column
    order = np.argsort(-similarity[rows, cols], kind="stable")
    taken: dict[int, int] = {}
    taken_cols: set[int] = set()
    for row, col in zip(rows[order].tolist(), cols[order].tolist(), strict=True):
        if row not in taken and col not in taken_cols:
            taken[row] = col
            taken_cols.add(col)
    matched = sorted(taken.items())
    return np.array([r for r, _ in matched], np.int64), np.array([c for _, c in matched], np.int64)


def match_hungarian(similarity: Similarity, min_similarity: float) -> Pairs:
    """The one-to-one pairs whose similarities have the largest sum (Jonker and Volgenant, Computing 38, 1987).

    Arguments, result and errors as for `match_greedy`: no pair below `min_similarity` is matched, whatever it would
    add to the sum.

    >>> match_hungarian(np.array([[0.9, 0.8], [0.8, 0.1]]), 0.3)
    (array([0, 1]), array([1, 0]))
    """
    admissible = _admissible(similarity, min_similarity)
    num_of_row, num_of_col = admissible.sum(axis=1), admissible.sum(axis=0)
    col_of_row = np.full(len(similarity), -1)
    rows, cols = np.nonzero(admissible)
    alone = (num_of_row[rows] == 1) & (num_of_col[cols] == 1)  # pairs without rivals
    col_of_row[rows[alone]] = cols[alone]
    rows, cols = np.unique(rows[~alone]), np.unique(cols[~alone])
    if len(rows):
        # Leaving a row or a column alone costs 0 (the limit): a pair is worth its similarity, a barred one costs more.
        contested = np.ix_(rows, cols)
        cost = np.where(admissible[contested], -similarity[contested], 1.0)
        _, found, _ = lap.lapjv(cost, extend_cost=True, cost_limit=0.0)
        col_of_row[rows] = np.where(found >= 0, cols[found], -1)
    rows = np.flatnonzero(col_of_row >= 0)
    return rows, col_of_row[rows]


MATCHERS: dict[str, Matcher] = {"greedy": match_greedy, "hungarian": match_hungarian}
