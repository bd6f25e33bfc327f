from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.evaluation.joint_pairs import JointPairs
from pose_track.evaluation.pose_ap import average_precision, find_correct_joints


def voc_area(scores: np.ndarray, correct: np.ndarray, num_gt: int) -> float:
    """Step by step: at each recall the maximum precision there or beyond."""
    steps = []
    for threshold in sorted(set(scores.tolist()), reverse=True):
        ranked = correct[scores >= threshold]
        steps.append((ranked.sum() / num_gt, ranked.mean()))
    area, previous_recall = 0.0, 0.0
    for k, (recall, _) in enumerate(steps):
        area += (recall - previous_recall) * max(precision for _, precision in steps[k:])
        previous_recall = recall
    return area


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=20), st.integers(0, 5))
def test_area_with_merged_ties(rows: list[tuple[int, bool]], missed: int) -> None:
    scores, correct = np.array([s for s, _ in rows], float), np.array([r for _, r in rows], bool)
    num_gt = max(int(correct.sum()) + missed, 1)
    area = voc_area(scores, correct, num_gt)
    assert average_precision(scores, correct, num_gt, merge_ties=True) == pytest.approx(area, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_without_ties_both_rules_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, correct = rng.random(30), rng.random(30) < 0.5
    separate, merged = (average_precision(scores, correct, 20, merge_ties) for merge_ties in (False, True))
    assert separate == pytest.approx(merged, abs=1e-12)


@pytest.mark.parametrize("merge_ties", [False, True])
@pytest.mark.parametrize(
    ("correct", "num_gt", "expected"),
    [
        ([], 0, 0.0),  # neither gt nor predictions
        ([], 3, 0.0),
        ([False], 0, np.nan),  # no gt
        ([False], 1, 0.0),
        ([True], 1, 1.0),
        ([True], 2, 0.5),
        ([False, True], 1, 0.5),
        ([True, False, True], 2, 5 / 6),
        ([False, True, True], 2, 2 / 3),  # the second true positive's precision replaces the first's
    ],
)
def test_small_curves(correct: list[bool], num_gt: int, expected: float, merge_ties: bool) -> None:
    scores = np.arange(len(correct), 0, -1.0)
    ap = average_precision(scores, np.array(correct, bool), num_gt, merge_ties)
    assert ap == pytest.approx(expected, nan_ok=True)


def pairs(rows: list[tuple[int, int, int, float]]) -> JointPairs:
    gt, prediction, joint, distance = np.array(sorted(rows), float).reshape(-1, 4).T
    return JointPairs(gt.astype(np.int64), prediction.astype(np.int64), joint.astype(np.int64), distance)


ALL = np.ones((2, 2), bool)  # two people with both joints


@pytest.mark.parametrize(
    ("rows", "present", "expected"),
    [
        ([], ALL, [[0, 0], [0, 0]]),  # no pairs
        ([(0, 0, 0, 0.1)], ALL, [[1, 0], [0, 0]]),
        # a pose is assigned to the person with the larger share
        ([(0, 0, 0, 0.1), (1, 0, 0, 0.1), (1, 0, 1, 0.1)], ALL, [[1, 1], [0, 0]]),
        # of labelled joints
        ([(0, 0, 0, 0.4), (1, 0, 1, 0.1)], np.array([[True, False], [True, True]]), [[1, 0], [0, 0]]),
        # a person keeps one pose; all joints of the other are wrong
        ([(0, 0, 0, 0.1), (0, 1, 0, 0.1), (0, 1, 1, 0.1)], ALL, [[0, 0], [1, 1]]),
        # a pose is not reassigned when its person keeps another
        ([(0, 0, 0, 0.1), (0, 0, 1, 0.1), (0, 1, 0, 0.1), (1, 1, 1, 0.1)], ALL, [[1, 1], [0, 0]]),
    ],
)
def test_poses_are_assigned_before_joints(
    rows: list[tuple[int, int, int, float]], present: np.ndarray, expected: list[list[int]]
) -> None:
    for prefer_closest in (False, True):
        assert find_correct_joints(pairs(rows), present, 2, prefer_closest).astype(int).tolist() == expected


def test_of_equal_poses_the_first_or_the_closest() -> None:
    rows = [(0, 0, 0, 0.4), (0, 1, 0, 0.1)]
    assert find_correct_joints(pairs(rows), ALL, 2, prefer_closest=False)[:, 0].tolist() == [True, False]
    assert find_correct_joints(pairs(rows), ALL, 2, prefer_closest=True)[:, 0].tolist() == [False, True]
