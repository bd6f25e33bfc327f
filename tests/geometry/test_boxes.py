"""Boxes: areas, IoU, suppression and conversions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pose_track.geometry.boxes import (
    box_areas,
    box_centers,
    clip_boxes,
    iou_matrix,
    joints_to_boxes,
    nms,
    nonempty,
    suppress,
    xywh_to_xyxy,
    xyxy_to_xywh,
)

corners = st.integers(-20, 20)
any_boxes = hnp.arrays(np.float64, st.tuples(st.integers(0, 8), st.just(4)), elements=corners)


@pytest.mark.parametrize(
    ("box", "area"),
    [
        ([0, 0, 4, 3], 12),
        ([-1, -1, 1, 1], 4),
        ([5, 5, 5, 9], 0),  # no width
        ([5, 5, 3, 3], 0),  # both sides reversed: not 4
    ],
)
def test_area(box: list[float], area: float) -> None:
    assert box_areas([box]).tolist() == [area]


def test_centers() -> None:
    assert box_centers([[0, 0, 4, 3], [5, 5, 5, 5], [9, 0, 1, 2]]).tolist() == [[2, 1.5], [5, 5], [5, 1]]
    assert box_centers([]).shape == box_centers(np.zeros((0, 4))).shape == (0, 2)
    with pytest.raises(ValueError, match=r"\(N, 4\), got \(4,\)"):
        box_centers([0, 0, 4, 3])


@pytest.mark.parametrize(
    ("a", "b", "iou"),
    [
        ([0, 0, 2, 2], [0, 0, 2, 2], 1),
        ([0, 0, 2, 2], [1, 0, 3, 2], 1 / 3),
        ([0, 0, 4, 4], [1, 1, 3, 3], 1 / 4),  # one inside the other
        ([0, 0, 2, 2], [2, 0, 4, 2], 0),  # touching
        ([0, 0, 1, 1], [3, 3, 4, 4], 0),  # apart in x and y: the product of two negative overlaps does not count
        ([1, 1, 1, 1], [1, 1, 1, 1], 0),  # both empty
    ],
)
def test_iou(a: list[float], b: list[float], iou: float) -> None:
    assert iou_matrix([a], [b])[0, 0] == pytest.approx(iou)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (2, 0)])
def test_iou_of_no_boxes(n: int, m: int) -> None:
    assert iou_matrix(np.zeros((n, 4)), np.zeros((m, 4))).shape == (n, m)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(any_boxes, any_boxes)
def test_iou_is_symmetric_bounded_and_agrees_with_counted_cells(a: np.ndarray, b: np.ndarray) -> None:
    iou = iou_matrix(a, b)
    np.testing.assert_allclose(iou, iou_matrix(b, a).T)

    def cells(box: np.ndarray) -> set[tuple[int, int]]:
        x1, y1, x2, y2 = (int(v) for v in box)
        return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}

    for i, first in enumerate(a[:3]):
        for j, second in enumerate(b[:3]):
            one, other = cells(first), cells(second)
            assert iou[i, j] == pytest.approx(len(one & other) / max(len(one | other), 1))


def test_an_error_names_the_shape() -> None:
    with pytest.raises(ValueError, match=r"\(N, 4\), got \(2, 3\)"):
        box_areas(np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("boxes", "scores", "max_iou", "kept"),
    [
        ([], [], 0.5, []),  # no boxes
        ([[0, 0, 9, 9]], [0.1], 0.5, [0]),
        ([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]], [0.8, 0.9, 0.3], 0.5, [1, 2]),
        (
            [[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10]],
            [0.8, 0.9, 0.7],
            0.3,
            [1],
        ),  # a chain, the best in the middle
        (
            [[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10]],
            [0.9, 0.8, 0.7],
            0.3,
            [0, 2],
        ),  # a chain, the best at an end
        ([[0, 0, 2, 2], [1, 0, 3, 2]], [0.5, 0.6], 1 / 3 + 1e-9, [1, 0]),  # at the limit both are kept
        ([[0, 0, 5, 5], [9, 9, 12, 12], [0, 0, 5, 5]], [0.5, 0.5, 0.5], 0.5, [0, 1]),  # equal scores: the earlier one
    ],
)
def test_nms(boxes: list[list[float]], scores: list[float], max_iou: float, kept: list[int]) -> None:
    assert nms(boxes, scores, max_iou).tolist() == kept


def test_at_the_limit_both_are_kept() -> None:
    similarity = np.array([[1.0, 0.5], [0.5, 1.0]])
    assert suppress(similarity, [0.8, 0.9], 0.5).tolist() == [1, 0]
    assert suppress(similarity, [0.8, 0.9], 0.49).tolist() == [1]


def test_suppress_uses_the_row_of_the_kept_entry() -> None:
    similarity = np.array([[1.0, 0.9], [0.0, 1.0]])
    assert suppress(similarity, [0.9, 0.8], 0.5).tolist() == [0]
    assert suppress(similarity.T, [0.9, 0.8], 0.5).tolist() == [0, 1]


@settings(derandomize=True, max_examples=60, deadline=None)
@given(any_boxes, st.integers(0, 2**31))
def test_nms_drops_only_duplicates(boxes: np.ndarray, seed: int) -> None:
    scores = np.random.default_rng(seed).random(len(boxes))
    kept = nms(boxes, scores, 0.3)
    iou = iou_matrix(boxes, boxes)
    assert (np.diff(scores[kept]) <= 0).all()
    assert not (np.triu(iou[np.ix_(kept, kept)], 1) > 0.3).any()
    for dropped in set(range(len(boxes))) - set(kept.tolist()):
        assert any(iou[k, dropped] > 0.3 and scores[k] >= scores[dropped] for k in kept)


def test_clip() -> None:
    boxes = [[-5, 2, 50, 9], [3, 4, 5, 6], [45, -9, 60, -2]]
    clipped = clip_boxes(boxes, (40, 30))
    assert clipped.tolist() == [[0, 2, 39, 9], [3, 4, 5, 6], [39, 0, 39, 0]]
    assert nonempty(clipped).tolist() == [True, True, False]


@pytest.mark.parametrize("bad", [[0, 0, np.nan, 1], [0, 0, np.inf, 1], [0, 5, 9, 5], [9, 0, 0, 5]])
def test_empty_boxes(bad: list[float]) -> None:
    assert nonempty([bad, [0, 0, 0.01, 0.01]]).tolist() == [False, True]


@pytest.mark.parametrize(
    ("joints", "scores", "box"),
    [
        ([[10, 20], [30, 60]], [0.0, 0.0], [0, 0, 0, 0]),  # no joints
        ([[10, 20], [30, 60]], [0.9, 0.2], [10, 20, 10, 20]),  # one joint; a score at the limit does not count
        ([[10, 20], [30, 60]], [0.9, 0.3], [8.5, 17, 31.5, 63]),
        ([[30, 20], [10, 60]], [0.9, 0.3], [8.5, 17, 31.5, 63]),  # the other diagonal
    ],
)
def test_joints_to_boxes(joints: list[list[float]], scores: list[float], box: list[float]) -> None:
    boxes = joints_to_boxes([joints, joints], [scores, scores], min_score=0.2)
    np.testing.assert_allclose(boxes, [box, box])


def test_joints_to_boxes_without_people_and_with_growth() -> None:
    assert joints_to_boxes(np.zeros((0, 17, 2)), np.zeros((0, 17)), 0.2).shape == (0, 4)
    grown = joints_to_boxes([[[0, 0], [100, 100]]], [[1, 1]], 0.2, grow=0.5)
    assert grown.tolist() == [[-25, -25, 125, 125]]


@settings(derandomize=True, max_examples=30, deadline=None)
@given(any_boxes)
def test_conversions_are_inverse(boxes: np.ndarray) -> None:
    np.testing.assert_array_equal(xyxy_to_xywh(xywh_to_xyxy(boxes)), boxes)


def test_conversion_of_one_box() -> None:
    assert xywh_to_xyxy([[10, 20, 30, 50]]).tolist() == [[10, 20, 40, 70]]
