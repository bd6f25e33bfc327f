from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.evaluation.joint_pairs import JointPairs
from pose_track.evaluation.pose_ap import average_precision, right_joints


def voc_area(scores: np.ndarray, right: np.ndarray, num_truth: int) -> float:
    """Step by step: at each recall the best precision there or beyond."""
    steps = []
    for threshold in sorted(set(scores.tolist()), reverse=True):
        found = right[scores >= threshold]
        steps.append((found.sum() / num_truth, found.mean()))
    area, before = 0.0, 0.0
    for k, (recall, _) in enumerate(steps):
        area += (recall - before) * max(precision for _, precision in steps[k:])
        before = recall
    return area


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=20), st.integers(0, 5))
def test_area_with_ties_in_one_step(rows: list[tuple[int, bool]], missed: int) -> None:
    scores, right = np.array([s for s, _ in rows], float), np.array([r for _, r in rows], bool)
    num_truth = max(int(right.sum()) + missed, 1)
    area = voc_area(scores, right, num_truth)
    assert average_precision(scores, right, num_truth, ties_together=True) == pytest.approx(area, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_without_ties_both_ways_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, right = rng.random(30), rng.random(30) < 0.5
    each, together = (average_precision(scores, right, 20, ties) for ties in (False, True))
    assert each == pytest.approx(together, abs=1e-12)


@pytest.mark.parametrize("ties_together", [False, True])
@pytest.mark.parametrize(
    ("right", "num_truth", "expected"),
    [
        ([], 0, 0.0),  # nothing there, nothing predicted
        ([], 3, 0.0),
        ([False], 0, np.nan),  # predicted where there is none
        ([False], 1, 0.0),
        ([True], 1, 1.0),
        ([True], 2, 0.5),
        ([False, True], 1, 0.5),
        ([True, False, True], 2, 5 / 6),
        ([False, True, True], 2, 2 / 3),  # the precision of the first hit is that of the second, which is better
    ],
)
def test_small_curves(right: list[bool], num_truth: int, expected: float, ties_together: bool) -> None:
    scores = np.arange(len(right), 0, -1.0)
    found = average_precision(scores, np.array(right, bool), num_truth, ties_together)
    assert found == pytest.approx(expected, nan_ok=True)


def pairs(rows: list[tuple[int, int, int, float]]) -> JointPairs:
    truth, prediction, joint, distance = np.array(sorted(rows), float).reshape(-1, 4).T
    return JointPairs(truth.astype(np.int64), prediction.astype(np.int64), joint.astype(np.int64), distance)


ALL = np.ones((2, 2), bool)  # two people with both joints


@pytest.mark.parametrize(
    ("rows", "present", "expected"),
    [
        ([], ALL, [[0, 0], [0, 0]]),  # nothing is near
        ([(0, 0, 0, 0.1)], ALL, [[1, 0], [0, 0]]),
        # a pose for the person of whom it has more joints right
        ([(0, 0, 0, 0.1), (1, 0, 0, 0.1), (1, 0, 1, 0.1)], ALL, [[1, 1], [0, 0]]),
        # by the share of those that are labelled
        ([(0, 0, 0, 0.4), (1, 0, 1, 0.1)], np.array([[True, False], [True, True]]), [[1, 0], [0, 0]]),
        # a person takes one pose; the other, all for the same person, is wrong
        ([(0, 0, 0, 0.1), (0, 1, 0, 0.1), (0, 1, 1, 0.1)], ALL, [[0, 0], [1, 1]]),
        # a pose goes to nobody else when its person prefers another
        ([(0, 0, 0, 0.1), (0, 0, 1, 0.1), (0, 1, 0, 0.1), (1, 1, 1, 0.1)], ALL, [[1, 1], [0, 0]]),
    ],
)
def test_poses_are_assigned_before_joints(
    rows: list[tuple[int, int, int, float]], present: np.ndarray, expected: list[list[int]]
) -> None:
    for nearest in (False, True):
        assert right_joints(pairs(rows), present, 2, nearest).astype(int).tolist() == expected


def test_of_equal_poses_the_first_or_the_nearer() -> None:
    rows = [(0, 0, 0, 0.4), (0, 1, 0, 0.1)]
    assert right_joints(pairs(rows), ALL, 2, nearest=False)[:, 0].tolist() == [True, False]
    assert right_joints(pairs(rows), ALL, 2, nearest=True)[:, 0].tolist() == [False, True]
