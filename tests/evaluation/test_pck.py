from __future__ import annotations

import numpy as np
import pytest

from pose_track.evaluation.pck import pck, torso_sizes
from pose_track.structures.skeleton import LSP_14, POSETRACK_15


def person(**joints: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    xy, visibility = np.full((1, 15, 2), 1e4), np.zeros((1, 15), np.int64)
    for name, position in joints.items():
        xy[0, POSETRACK_15.index(name)], visibility[0, POSETRACK_15.index(name)] = position, 1
    return xy, visibility


@pytest.mark.parametrize(
    ("joints", "expected"),
    [
        ({}, np.nan),  # no labels
        ({"left_shoulder": (0, 0), "left_hip": (0, 9)}, np.nan),  # no labelled diagonal
        ({"left_shoulder": (0, 0), "right_hip": (3, 4)}, 5),
        ({"right_shoulder": (0, 0), "left_hip": (6, 8)}, 10),
        # with both diagonals the one from the left shoulder counts
        ({"left_shoulder": (0, 0), "right_hip": (3, 4), "right_shoulder": (0, 0), "left_hip": (6, 8)}, 5),
    ],
)
def test_torso_sizes(joints: dict[str, tuple[float, float]], expected: float) -> None:
    np.testing.assert_array_equal(torso_sizes(*person(**joints), POSETRACK_15), [expected])


def test_torso_sizes_without_people() -> None:
    assert torso_sizes(np.zeros((0, 14, 2)), np.zeros((0, 14), int), LSP_14).shape == (0,)


GT = np.zeros((2, 3, 2))
PREDICTED = np.array([[[2, 0], [0, 2.01], [1, 1]], [[0, 0], [0, 4], [9, 9]]])
ALL = np.ones((2, 3), np.int64)


@pytest.mark.parametrize(
    ("visibility", "sizes", "total", "per_joint"),
    [
        (ALL, [10, 20], 4 / 6, [1, 0.5, 0.5]),  # correct up to 2 and 4 pixels, inclusive
        (ALL * 2, [10, 20], 4 / 6, [1, 0.5, 0.5]),
        ([[1, 1, 1], [0, 0, 0]], [10, 20], 2 / 3, [1, 0, 1]),
        ([[0, 1, 1], [0, 1, 0]], [10, 20], 2 / 3, [np.nan, 0.5, 1]),
        (ALL, [10, np.nan], 2 / 3, [1, 0, 1]),  # a person without a size
        (ALL, [10, 0], 2 / 3, [1, 0, 1]),
        (ALL, [np.nan, np.nan], 0, [np.nan] * 3),
        (ALL * 0, [10, 20], 0, [np.nan] * 3),  # no labels
    ],
)
def test_pck(visibility: object, sizes: list[float], total: float, per_joint: list[float]) -> None:
    result = pck(PREDICTED, GT, np.array(visibility), np.array(sizes))
    assert result[0] == pytest.approx(total)
    np.testing.assert_allclose(result[1], per_joint)


def test_threshold() -> None:
    sizes = np.array([10.0, 20.0])
    totals = [pck(PREDICTED, GT, ALL, sizes, threshold)[0] for threshold in (0.05, 0.15, 0.2, 0.21, 1.0)]
    assert totals == pytest.approx([1 / 6, 2 / 6, 4 / 6, 5 / 6, 1])


def test_no_people() -> None:
    total, per_joint = pck(np.zeros((0, 3, 2)), np.zeros((0, 3, 2)), np.zeros((0, 3), int), np.zeros(0))
    assert total == 0
    assert np.isnan(per_joint).all()
