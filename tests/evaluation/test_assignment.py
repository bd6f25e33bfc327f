from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from pose_track.evaluation.assignment import assign, runs


def least_sum(rows: list[int], columns: list[int], costs: list[float], otherwise: float) -> float:
    """By trying all; costs count from `otherwise`, what a row and a column without each other cost."""
    best = 0.0
    for size in range(1, min(len(set(rows)), len(set(columns))) + 1):
        for chosen in combinations(range(len(rows)), size):
            if len({rows[k] for k in chosen}) == len({columns[k] for k in chosen}) == size:
                best = min(best, sum(costs[k] - otherwise for k in chosen))
    return best


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("otherwise", [0, 50.0])
def test_nothing_is_cheaper(seed: int, otherwise: float) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = (part.tolist() for part in np.nonzero(rng.random(rng.integers(1, 5, 2)) < 0.6))
    costs = (-rng.random(len(rows))).tolist()
    chosen = assign(rows, columns, costs, otherwise) if rows else []
    assert len({rows[k] for k in chosen}) == len({columns[k] for k in chosen}) == len(chosen)
    assert sum(costs[k] - otherwise for k in chosen) == pytest.approx(least_sum(rows, columns, costs, otherwise))


def test_runs_of_nothing() -> None:
    assert list(runs(np.zeros(0, np.int64))) == []
