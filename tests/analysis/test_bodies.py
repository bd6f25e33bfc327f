"""Angles and speeds of a body in space, as a camera sees it, against the true ones: the tables of docs/analysis.md."""

from __future__ import annotations

import numpy as np
import pytest
from analysis.bodies import CAMERA, DISTANCE, HEIGHT, INNER, errors, measured, seen, walker

from pose_track.analysis.kinematics import measure
from pose_track.analysis.space import body_height_pixels
from pose_track.analysis.summary import most_common


@pytest.mark.parametrize(
    ("turned", "noise", "limits"),
    [  # degrees; pixels; degrees of the errors of knee, elbow, hip and trunk
        (0, 3, (2.2, 2.2, 1.3, 0.8)),
        (30, 3, (2.6, 2.4, 2.8, 1.0)),
    ],
)
def test_angles_from_the_side(turned: float, noise: float, limits: tuple[float, ...]) -> None:
    found = errors(turned, noise)
    for (name, (degrees, _)), limit in zip(
        ((name, found[name]) for name in ("knee", "elbow", "hip", "trunk")), limits, strict=True
    ):
        assert degrees < limit, name


def test_rates_from_the_side() -> None:
    """The knee turns with up to 287 degrees a second, the hip with 137."""
    found = errors(0, 3)
    assert found["knee"][1] < 30
    assert found["hip"][1] < 8


def test_from_the_front_flexion_is_not_in_the_image() -> None:
    """As the documentation warns: the errors are as large as the angles."""
    assert errors(90, 3)["knee"][0] > 15


@pytest.mark.parametrize(("turned", "view"), [(0, "side_right"), (45, "oblique"), (90, "front")])
def test_the_view(turned: float, view: str) -> None:
    assert most_common(measured(turned, 3).view.tolist()) == view


@pytest.mark.parametrize(("noise", "share"), [(0.0, 0.01), (3.0, 0.03)])
def test_the_size_of_the_body(noise: float, share: float) -> None:
    """Noise lengthens limbs; hardly so where the joints are smoothed first."""
    pixels = body_height_pixels(seen(walker(0.0, 1.25), noise), 0.3)
    assert pixels == pytest.approx(HEIGHT * CAMERA.focal / DISTANCE, rel=share)


def test_speed_from_the_known_height() -> None:
    speed = measure(seen(walker(0.0, 1.25), 3.0)).centre.velocity[INNER, 0] * DISTANCE / CAMERA.focal
    assert np.nanmean(speed) == pytest.approx(1.25, rel=0.03)
