"""How far a camera is from level, as a suggestion from where people's feet stand."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.stats import theilslopes

from pose_track.analysis.kinematics import Kinematics
from pose_track.structures.arrays import Float64Array

_STANDING_SHARE = 0.3  # of the frames: of a walking cycle each foot stands for about 0.6
_MIN_POINTS = 12
_MIN_WIDTH = 2.0  # of the places where feet stand, in lengths of the shank and thigh


def floor_line(kinematics: Kinematics) -> tuple[float, float] | None:
    """The line on which a person's feet stand: degrees by which it falls to the right of the image, and y at x = 0.
    None where too few feet stand, or all in one place.

    It is the line with the median slope of all pairs of places (Theil, 1950; Sen, Journal of the American Statistical
    Association 63, 1968) at which an ankle moves least.
    """
    x, y = np.concatenate([np.zeros((0, 2)), *_standing(kinematics)]).T
    if len(x) < _MIN_POINTS or not np.ptp(x) >= _MIN_WIDTH * _leg_length(kinematics):
        return None
    slope, intercept, *_ = theilslopes(y, x)
    return float(np.degrees(np.arctan(slope))), float(intercept)


def suggested_roll(people: Iterable[Kinematics]) -> float | None:
    """The median of the angles of the people's floor lines in degrees; None without any.

    It is the roll of the camera where the floor is level and people walk across the image; where they come nearer on
    the way, it is not.
    """
    lines = [line for line in map(floor_line, people) if line is not None]
    return float(np.median([degrees for degrees, _ in lines])) if lines else None


def _standing(kinematics: Kinematics) -> list[Float64Array]:
    """(P, 2) places of each ankle in the frames in which it moves least."""
    places = []
    for side in ("left", "right"):
        ankle = kinematics.joints.get(f"{side}_ankle")
        if ankle is not None and np.isfinite(ankle.speed).any():
            places.append(ankle.position[ankle.speed <= np.nanquantile(ankle.speed, _STANDING_SHARE)])
    return places


def _leg_length(kinematics: Kinematics) -> float:
    """The longest median of both legs; NaN where none is known."""
    lengths = []
    for side in ("left", "right"):
        points = [kinematics.joints.get(f"{side}_{joint}") for joint in ("hip", "knee", "ankle")]
        if None not in points:
            hip, knee, ankle = (point.position for point in points if point is not None)
            length = np.hypot(*(knee - hip).T) + np.hypot(*(ankle - knee).T)
            lengths += [float(np.nanmedian(length))] if np.isfinite(length).any() else []
    return max(lengths, default=float("nan"))
