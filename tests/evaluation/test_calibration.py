from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_track.evaluation.calibration import (
    MAX_KNOTS,
    MIN_CASES,
    cross_fit,
    fit_score_map,
    largest_gap,
    reliability,
    reliability_table,
    right_boxes,
)


def cases(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose square is the probability of a right case."""
    rng = np.random.default_rng(seed)
    scores = rng.random(count)
    return scores, rng.random(count) < scores**2


def test_a_fitted_map_is_right_on_other_cases() -> None:
    score_map = fit_score_map(*cases(20_000))
    scores, is_right = cases(20_000, seed=1)
    assert largest_gap(reliability(scores, is_right)) > 0.2
    assert largest_gap(reliability(score_map(scores), is_right)) < 0.03
    raw = np.linspace(0.05, 0.95, 10)
    np.testing.assert_allclose(score_map(raw), raw**2, atol=0.04)


@given(st.integers(MIN_CASES, 2000), st.integers(0, 9), st.floats(0, 1), st.floats(0, 1))
def test_every_fit_is_a_map(count: int, seed: int, low: float, high: float) -> None:
    """Also where the share of right cases falls, all cases are right or wrong, and many scores are equal."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 20, count) / 20 + 0.05
    is_right = rng.random(count) < low + (high - low) * scores
    score_map = fit_score_map(scores, is_right)
    assert 2 <= len(score_map.knots) <= MAX_KNOTS + 3
    assert 0 < score_map.knots[1][1] <= score_map.knots[-1][1] < 1


def test_too_few_cases() -> None:
    with pytest.raises(ValueError, match="99"):
        fit_score_map(*cases(99))


def test_each_half_is_fitted_alone() -> None:
    scores, is_right = cases(1000)
    half = np.arange(1000) % 2 == 0
    of_others, of_half = cross_fit(scores, is_right, half)
    assert of_half == fit_score_map(scores[half], is_right[half])
    assert of_others == fit_score_map(scores[~half], is_right[~half])


def test_reliability_counts_every_case_once() -> None:
    scores = np.array([0.0, 0.05, 0.1, 0.55, 1.0])
    table = reliability(scores, np.array([0, 1, 1, 0, 1]))
    assert [tenth.count for tenth in table] == [2, 1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert (table[0].mean_score, table[0].share_right) == (0.025, 0.5)
    assert (table[9].mean_score, table[9].share_right) == (1.0, 1.0)
    assert largest_gap(table, min_count=1) == pytest.approx(0.9)
    assert largest_gap(table, min_count=2) == pytest.approx(0.475)
    assert np.isnan(largest_gap(table))
    assert len(reliability_table(table).splitlines()) == 11


PERSON = [10, 10, 50, 110]
BOXES = {
    "the person": (PERSON, 0.8, True, True),
    "a second box on the same person": ([12, 10, 52, 110], 0.7, False, True),
    "nobody": ([200, 10, 240, 110], 0.9, False, True),
    "in an ignored region": ([300, 10, 340, 110], 0.6, False, False),
    "a person in an ignored region": ([310, 200, 350, 300], 0.5, True, True),
    "too loose": ([10, 10, 100, 160], 0.4, False, True),
}


def test_right_boxes() -> None:
    boxes, scores, is_right, counts = zip(*BOXES.values(), strict=True)
    people = np.array([PERSON, [310, 200, 350, 300]], float)
    found = right_boxes(np.array(boxes, float), np.array(scores), people, np.array([[290.0, 0, 400, 400]]))
    assert [values.tolist() for values in found] == [list(is_right), list(counts)]


@pytest.mark.parametrize(("boxes", "people"), [(0, 1), (2, 0), (0, 0)])
def test_nobody_and_no_box(boxes: int, people: int) -> None:
    given_boxes, given_people = np.tile(np.array([PERSON], float), (boxes, 1)), np.zeros((people, 4))
    is_right, counts = right_boxes(given_boxes, np.ones(boxes), given_people, np.zeros((0, 4)))
    assert is_right.tolist() == [False] * boxes
    assert counts.tolist() == [True] * boxes
