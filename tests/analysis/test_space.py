"""Metres and true times."""

from __future__ import annotations

import numpy as np
import pytest
from analysis.figures import LENGTHS, side_figure

from pose_track.analysis.kinematics import measure
from pose_track.analysis.space import Floor, body_height_pixels, scaled, slowed

SECONDS = np.arange(60) / 30


def test_the_height_from_limbs_does_not_depend_on_posture() -> None:
    bent = {"left_knee": np.full(60, 90.0), "left_hip": np.full(60, 60.0), "trunk": np.full(60, 40.0)}
    heights = [body_height_pixels(side_figure(SECONDS, angles), 0.3) for angles in ({}, bent)]
    assert heights[0] == pytest.approx(heights[1])
    limbs = LENGTHS["thigh"] + LENGTHS["shank"] + LENGTHS["upper_arm"] + LENGTHS["forearm"]
    assert heights[0] == pytest.approx(limbs / (0.245 + 0.246 + 0.186 + 0.146))


def test_speeds_in_metres() -> None:
    hips = np.stack([100 + 250 * SECONDS, np.full(60, 400.0)], axis=1)
    metres = measure(scaled(side_figure(SECONDS, {"hips": hips}), 0.005))
    assert np.nanmedian(metres.centre.speed) == pytest.approx(1.25, abs=0.01)


def test_slow_motion_has_the_true_speed() -> None:
    stored = np.arange(240) / 30  # 240 frames a second stored as 30
    hips = np.stack([100 + 250 * stored / 8, np.full(240, 400.0)], axis=1)
    figure = slowed(side_figure(stored, {"hips": hips}), 1 / 8)
    assert figure.seconds[-1] == pytest.approx(239 / 240)
    assert np.nanmedian(measure(figure).centre.speed) == pytest.approx(250, abs=1)
    with pytest.raises(ValueError, match="must be above 0"):
        slowed(figure, 0)


def test_a_floor_from_four_corners() -> None:
    homography = np.array([[0.01, 0.002, -1], [0.0, 0.02, -4], [0.0, 0.0005, 1]])
    pixels = np.array([[100.0, 300], [500, 310], [620, 700], [20, 690]])
    true = np.c_[pixels, np.ones(4)] @ homography.T
    floor = Floor.from_points(pixels, true[:, :2] / true[:, 2:])
    point = np.array([320.0, 500.0, 1.0]) @ homography.T
    assert np.allclose(floor.to_metres(np.array([320.0, 500.0])), point[:2] / point[2])


def test_floors_that_are_none() -> None:
    line = np.array([[0.0, 0], [1, 1], [2, 2], [5, 0]])
    with pytest.raises(ValueError, match="on a line"):
        Floor.from_points(line, line)
    with pytest.raises(ValueError, match="four points"):
        Floor.from_points(line[:3], line[:3])
