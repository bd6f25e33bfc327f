from __future__ import annotations

import numpy as np
import pytest

from pose_track.evaluation.ignore_regions import inside_polygons, remove_ignored_joints
from pose_track.structures.sequence import FrameInfo

SQUARE = np.array([[0, 0], [4, 0], [4, 4], [0, 4]], float)
ARROW = np.array([[0, 0], [8, 0], [2, 2], [0, 8]], float)  # concave
BOW = np.array([[0, 0], [4, 4], [4, 0], [0, 4]], float)  # self-intersecting


@pytest.mark.parametrize(
    ("polygon", "point", "inside"),
    [
        (SQUARE, (2, 2), True),
        (SQUARE, (5, 2), False),
        (SQUARE, (-1, 0), False),  # level with an edge
        (SQUARE, (0, 0), False),  # a corner
        (SQUARE, (2, 0), False),  # on each of the edges
        (SQUARE, (2, 4), False),
        (SQUARE, (0, 2), False),
        (SQUARE, (4, 2), False),
        (SQUARE, (np.nan, np.nan), False),  # an absent joint
        (SQUARE[::-1], (2, 2), True),  # reversed order
        (np.vstack([SQUARE, SQUARE[:1]]), (2, 2), True),  # closed
        (np.vstack([SQUARE, SQUARE[:1]]), (0, 0), False),
        (ARROW, (1, 1), True),
        (ARROW, (1, 4), True),
        (ARROW, (3, 3), False),  # in the notch
        (ARROW, (-1, 8), False),  # level with the tip
        (BOW, (1, 2), True),
        (BOW, (2, 1), False),
        (BOW, (2, 3), False),
        (SQUARE[:2], (2, 0), False),  # no area
        (SQUARE[:0], (0, 0), False),
    ],
)
def test_inside(polygon: np.ndarray, point: tuple[float, float], inside: bool) -> None:
    assert inside_polygons(np.array([point], float), [polygon]).tolist() == [inside]


def test_overlapping_polygons_do_not_cancel() -> None:
    points = np.array([[1, 1], [5, 5], [3, 3], [9, 9]], float)
    assert inside_polygons(points, [SQUARE, SQUARE + 2, SQUARE[:1]]).tolist() == [True, True, True, False]


def test_without_points_or_polygons() -> None:
    assert inside_polygons(np.zeros((0, 2)), [SQUARE]).tolist() == []
    assert inside_polygons(np.ones((2, 2)), []).tolist() == [False, False]


def test_only_joints_of_the_frame_are_removed() -> None:
    frames = [FrameInfo(0), FrameInfo(1, ignore_regions=(SQUARE,)), FrameInfo(2)]
    joints = np.tile([[1.0, 1.0], [9.0, 9.0]], (3, 1, 1))
    remaining = remove_ignored_joints(joints, np.array([0, 1, 2]), frames)
    assert np.isnan(remaining[..., 0]).tolist() == [[False, False], [True, False], [False, False]]
    assert not np.isnan(joints).any()  # the input is unchanged
