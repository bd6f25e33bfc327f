from __future__ import annotations

import numpy as np
import pytest

from pose_track.evaluation.pck import pck, torso_sizes
from pose_track.structures.skeleton import LSP_14, POSETRACK_15


def person(**joints: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    xy, visibility = np.full((1, 15, 2), 1e4), np.zeros((1, 15), np.int64)
    for name, place in joints.items():
        xy[0, POSETRACK_15.index(name)], visibility[0, POSETRACK_15.index(name)] = place, 1
    return xy, visibility


@pytest.mark.parametrize(
    ("joints", "expected"),
    [
        ({}, np.nan),  # nothing is labelled
        ({"left_shoulder": (0, 0), "left_hip": (0, 9)}, np.nan),  # no diagonal is
        ({"left_shoulder": (0, 0), "right_hip": (3, 4)}, 5),
        ({"right_shoulder": (0, 0), "left_hip": (6, 8)}, 10),
        # both are: the one from the left shoulder counts
        ({"left_shoulder": (0, 0), "right_hip": (3, 4), "right_shoulder": (0, 0), "left_hip": (6, 8)}, 5),
    ],
)
def test_torso_sizes(joints: dict[str, tuple[float, float]], expected: float) -> None:
    np.testing.assert_array_equal(torso_sizes(*person(**joints), POSETRACK_15), [expected])


def test_torso_sizes_of_nobody() -> None:
    assert torso_sizes(np.zeros((0, 14, 2)), np.zeros((0, 14), int), LSP_14).shape == (0,)


TRUTH = np.zeros((2, 3, 2))
FOUND = np.array([[[2, 0], [0, 2.01], [1, 1]], [[0, 0], [0, 4], [9, 9]]])
ALL = np.ones((2, 3), np.int64)


@pytest.mark.parametrize(
    ("visibility", "sizes", "total", "each"),
    [
        (ALL, [10, 20], 4 / 6, [1, 0.5, 0.5]),  # within 2 and 4 pixels: the limit counts, beyond it does not
        (ALL * 2, [10, 20], 4 / 6, [1, 0.5, 0.5]),
        ([[1, 1, 1], [0, 0, 0]], [10, 20], 2 / 3, [1, 0, 1]),
        ([[0, 1, 1], [0, 1, 0]], [10, 20], 2 / 3, [np.nan, 0.5, 1]),
        (ALL, [10, np.nan], 2 / 3, [1, 0, 1]),  # a person without a size
        (ALL, [10, 0], 2 / 3, [1, 0, 1]),
        (ALL, [np.nan, np.nan], 0, [np.nan] * 3),
        (ALL * 0, [10, 20], 0, [np.nan] * 3),  # nothing is labelled
    ],
)
def test_pck(visibility: object, sizes: list[float], total: float, each: list[float]) -> None:
    found = pck(FOUND, TRUTH, np.array(visibility), np.array(sizes))
    assert found[0] == pytest.approx(total)
    np.testing.assert_allclose(found[1], each)


def test_threshold() -> None:
    sizes = np.array([10.0, 20.0])
    shares = [pck(FOUND, TRUTH, ALL, sizes, threshold)[0] for threshold in (0.05, 0.15, 0.2, 0.21, 1.0)]
    assert shares == pytest.approx([1 / 6, 2 / 6, 4 / 6, 5 / 6, 1])


def test_nobody() -> None:
    total, each = pck(np.zeros((0, 3, 2)), np.zeros((0, 3, 2)), np.zeros((0, 3), int), np.zeros(0))
    assert total == 0
    assert np.isnan(each).all()
