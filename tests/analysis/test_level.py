"""The floor line of somebody who walks before a camera that is rolled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analysis import bodies
from analysis.bodies import CAMERA, SECONDS, seen, walker

from pose_track.analysis.kinematics import measure
from pose_track.analysis.level import floor_line, suggested_roll
from pose_track.datasets.synthetic.body import BodyProportions, pose_body
from pose_track.datasets.synthetic.motions import TAU, walk


@pytest.mark.parametrize("roll", [0.0, 4.0, -6.0])
def test_the_roll_of_the_camera(roll: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "CAMERA", replace(CAMERA, roll=np.radians(roll)))
    crossing = [
        pose_body(BodyProportions(1.75), walk(TAU * t / 1.1), np.pi / 2, (1.3 * (t - 1), -5.0))
        for t in SECONDS.tolist()
    ]
    kinematics = measure(seen(crossing, 1.0))
    line = floor_line(kinematics)
    assert line is not None
    assert suggested_roll([kinematics]) == line[0]
    assert abs(line[0]) == pytest.approx(abs(roll), abs=1.0)
    assert roll == 0 or np.sign(line[0]) == np.sign(roll) * np.sign(falls_to_the_right())


def falls_to_the_right() -> float:
    """The sign of the fall of the ground to the right of the image in a camera of positive roll."""
    camera = replace(CAMERA, roll=0.1)
    (_, left), (_, right) = camera.project(np.array([[-1.0, 0, -5], [1.0, 0, -5]]))[0]
    return float(right - left)


def test_in_one_place_nothing_is_told() -> None:
    kinematics = measure(seen(walker(0.0), 1.0))
    assert floor_line(kinematics) is None
    assert suggested_roll([kinematics]) is None
