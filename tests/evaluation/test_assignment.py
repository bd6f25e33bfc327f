from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from pose_track.evaluation.assignment import assign, runs


def least_cost(rows: list[int], columns: list[int], costs: list[float], unlisted_cost: float) -> float:
    """By exhaustive search; costs are relative to `unlisted_cost`."""
    best = 0.0
    for size in range(1, min(len(set(rows)), len(set(columns))) + 1):
        for chosen in combinations(range(len(rows)), size):
            if len({rows[k] for k in chosen}) == len({columns[k] for k in chosen}) == size:
                best = min(best, sum(costs[k] - unlisted_cost for k in chosen))
    return best


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("unlisted_cost", [0, 50.0])
def test_the_assignment_has_the_least_cost(seed: int, unlisted_cost: float) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = (indices.tolist() for indices in np.nonzero(rng.random(rng.integers(1, 5, 2)) < 0.6))
    costs = (-rng.random(len(rows))).tolist()
    chosen = assign(rows, columns, costs, unlisted_cost) if rows else []
    assert len({rows[k] for k in chosen}) == len({columns[k] for k in chosen}) == len(chosen)
    cost = sum(costs[k] - unlisted_cost for k in chosen)
    assert cost == pytest.approx(least_cost(rows, columns, costs, unlisted_cost))


def test_no_runs() -> None:
    assert list(runs(np.zeros(0, np.int64))) == []
