"""One-to-one matching of rows and columns by a similarity matrix, whatever they stand for."""

from __future__ import annotations

from collections.abc import Callable

import lap
import numpy as np

from pose_track.structures.arrays import BoolArray, Float64Array, IntArray

Pairs = tuple[IntArray, IntArray]
Matcher = Callable[[Float64Array, float], Pairs]


def _is_admissible(similarity: Float64Array, min_similarity: float) -> BoolArray:
    """(N, M) pairs that may be matched; those with similarity 0 never."""
    if similarity.ndim != 2:
        raise ValueError(f"similarity must have shape (N, M), got {similarity.shape}")
    return (similarity >= min_similarity) & (similarity > 0)


def match_greedy(similarity: Float64Array, min_similarity: float) -> Pairs:
    """Match the most similar pair, then the most similar of the rest, and so on.

    Returns matched rows (P,) and columns (P,), P <= min(N, M), by increasing row. Of equally similar pairs, the one in
    the lowest row comes first, then the one in the lowest column.

    similarity: (N, M), larger is more similar. Raises ValueError unless it has two axes.
    min_similarity: pairs below it, and pairs not above 0 or NaN, are never matched.

    >>> match_greedy(np.array([[0.9, 0.8], [0.8, 0.1]]), 0.3)
    (array([0]), array([0]))
    """
    rows, cols = np.nonzero(_is_admissible(similarity, min_similarity))  # by row, then column
    order = np.argsort(-similarity[rows, cols], kind="stable")
    col_of_row: dict[int, int] = {}
    matched_cols: set[int] = set()
    for row, col in zip(rows[order].tolist(), cols[order].tolist(), strict=True):
        if row not in col_of_row and col not in matched_cols:
            col_of_row[row] = col
            matched_cols.add(col)
    pairs = sorted(col_of_row.items())
    return np.array([row for row, _ in pairs], np.int64), np.array([col for _, col in pairs], np.int64)


def match_hungarian(similarity: Float64Array, min_similarity: float) -> Pairs:
    """Match the one-to-one pairs with the largest total similarity (Jonker and Volgenant, Computing 38, 1987).

    Arguments, result and errors are those of `match_greedy`. No pair below `min_similarity` is matched, whatever it
    would add to the total.

    >>> match_hungarian(np.array([[0.9, 0.8], [0.8, 0.1]]), 0.3)
    (array([0, 1]), array([1, 0]))
    """
    is_admissible = _is_admissible(similarity, min_similarity)
    num_in_row, num_in_col = is_admissible.sum(axis=1), is_admissible.sum(axis=0)
    col_of_row = np.full(len(similarity), -1)
    rows, cols = np.nonzero(is_admissible)
    is_unambiguous = (num_in_row[rows] == 1) & (num_in_col[cols] == 1)
    col_of_row[rows[is_unambiguous]] = cols[is_unambiguous]
    if not is_unambiguous.all():
        rows, cols = np.unique(rows[~is_unambiguous]), np.unique(cols[~is_unambiguous])
        # Leaving a row or column unmatched costs 0, the limit. A pair costs minus its similarity, or 1 if inadmissible.
        ambiguous = np.ix_(rows, cols)
        cost = np.where(is_admissible[ambiguous], -similarity[ambiguous], 1.0)
        _, matched, _ = lap.lapjv(cost, extend_cost=True, cost_limit=0.0)
        col_of_row[rows] = np.where(matched >= 0, cols[matched], -1)
    rows = np.flatnonzero(col_of_row >= 0)
    return rows, col_of_row[rows]


MATCHERS: dict[str, Matcher] = {"greedy": match_greedy, "hungarian": match_hungarian}
