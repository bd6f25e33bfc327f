"""Greedy and Hungarian matching."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from pose_track.tracking.matching import MATCHERS, match_greedy, match_hungarian

repeatable = settings(derandomize=True, deadline=None, max_examples=150)
sides = st.integers(0, 7)
# tenths give many equal similarities, the floats all scales
values = st.one_of(st.integers(0, 10).map(lambda n: n / 10), st.floats(0, 1), st.floats(0, 1e-9))
matrices = st.tuples(sides, sides).flatmap(lambda shape: arrays(np.float64, shape, elements=values))
thresholds = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9, 1.0])
both_matchers = pytest.mark.parametrize("match", MATCHERS.values(), ids=MATCHERS)


def pairs(result):
    rows, cols = result
    return list(zip(rows.tolist(), cols.tolist(), strict=True))


@both_matchers
@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_empty_side_matches_nothing(match, shape):
    rows, cols = match(np.zeros(shape), 0.0)
    assert (rows.shape, cols.shape, rows.dtype, cols.dtype) == ((0,), (0,), np.int64, np.int64)


@both_matchers
@given(matrices, thresholds)
@repeatable
def test_pairs_are_one_to_one_sorted_and_admissible(match, similarity, min_similarity):
    rows, cols = match(similarity, min_similarity)
    assert (np.diff(rows) > 0).all()
    assert len(set(cols.tolist())) == len(cols)
    assert (similarity[rows, cols] >= min_similarity).all()
    assert (similarity[rows, cols] > 0).all()


@both_matchers
@given(matrices, thresholds)
@repeatable
def test_no_admissible_pair_is_left(match, similarity, min_similarity):
    rows, cols = match(similarity, min_similarity)
    free_rows = np.setdiff1d(np.arange(similarity.shape[0]), rows)
    free_cols = np.setdiff1d(np.arange(similarity.shape[1]), cols)
    unmatched = similarity[np.ix_(free_rows, free_cols)]
    # 1e-17 added to 1 does not change the float sum
    assert not ((unmatched >= min_similarity) & (unmatched > 1e-12)).any()


@given(matrices, thresholds)
@repeatable
def test_hungarian_reaches_the_total_of_masked_scipy(similarity, min_similarity):
    rows, cols = match_hungarian(similarity, min_similarity)
    masked = np.where(similarity >= min_similarity, similarity, 0)
    best = masked[linear_sum_assignment(masked, maximize=True)].sum()
    np.testing.assert_allclose(similarity[rows, cols].sum(), best, rtol=1e-9)


@given(matrices, thresholds)
@repeatable
def test_greedy_takes_the_best_pair_of_the_rest_repeatedly(similarity, min_similarity):
    expected, rest = [], similarity.copy()
    while rest.size and rest.max() >= min_similarity and rest.max() > 0:
        row, col = np.unravel_index(rest.argmax(), rest.shape)  # the first of equal ones: lowest row, then column
        expected.append((row, col))
        rest[row], rest[:, col] = -1, -1
    assert pairs(match_greedy(similarity, min_similarity)) == sorted(expected)


@given(st.permutations(range(6)), st.lists(st.floats(0.5, 1), min_size=6, max_size=6), st.integers(0, 6))
@repeatable
def test_both_agree_without_conflicts(columns, strengths, num_columns):
    similarity = np.full((6, 6), 0.1)
    similarity[np.arange(6), columns] = strengths
    similarity = similarity[:, :num_columns]
    expected = [(row, col) for row, col in enumerate(columns) if col < num_columns]
    assert pairs(match_greedy(similarity, 0.3)) == pairs(match_hungarian(similarity, 0.3)) == expected


def test_greedy_breaks_ties_by_row_then_column():
    assert pairs(match_greedy(np.full((2, 3), 0.5), 0.3)) == [(0, 0), (1, 1)]
    assert pairs(match_greedy(np.full((3, 2), 0.5), 0.3)) == [(0, 0), (1, 1)]


@both_matchers
def test_a_similarity_at_the_limit_is_matched(match):
    assert pairs(match(np.array([[0.3]]), 0.3)) == [(0, 0)]
    assert pairs(match(np.array([[np.nextafter(0.3, 0)]]), 0.3)) == []


@both_matchers
def test_only_hungarian_gives_up_the_best_pair_for_a_larger_total(match):
    similarity = np.array([[0.9, 0.8], [0.8, 0.1]])
    assert pairs(match(similarity, 0.3)) == ([(0, 1), (1, 0)] if match is match_hungarian else [(0, 0)])


@both_matchers
def test_nan_is_never_matched(match):
    assert pairs(match(np.array([[np.nan, 0.6], [0.7, np.nan]]), 0.0)) == [(0, 1), (1, 0)]


@both_matchers
def test_similarity_must_be_a_matrix(match):
    with pytest.raises(ValueError, match=r"\(3,\)"):
        match(np.zeros(3), 0.3)
