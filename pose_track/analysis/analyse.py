"""From the tracked people of a video to their measures, in pixels or metres and true seconds."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from pose_track.analysis.centre_of_mass import Sex
from pose_track.analysis.kinematics import DEFAULT_MIN_SCORE, MIN_FRAMES, Kinematics, measure
from pose_track.analysis.lens import Lens, without_distortion
from pose_track.analysis.people import trajectories
from pose_track.analysis.space import Floor, body_height_pixels, scaled, slowed
from pose_track.analysis.trajectory import Trajectory
from pose_track.structures.frames import TrackedPoses

logger = logging.getLogger(__name__)

_HALF_PIXEL = np.array([0.5, 0.0])


@dataclass(frozen=True, eq=False)
class Conditions:
    """How a video was taken, and of whom.

    min_score: joints with a lower score count as not seen.
    sex: whose segment masses are taken, see `centre_of_mass`.
    heights: body heights in metres, by track id; None for everybody without an own one.
    metres_per_pixel: the same everywhere in the image; None where it is not known.
    floor: where people stand; positions of feet are then on it, and all joints are measured in its plane at the person.
    speed_factor: see `slowed`.
    lens: of the camera, whose distortion is removed before anything is measured; None where it is not known. The scale
        and the floor are those of the image without distortion.
    """

    min_score: float = DEFAULT_MIN_SCORE
    sex: Sex = "mean"
    heights: Mapping[int | None, float] = field(default_factory=dict)
    metres_per_pixel: float | None = None
    floor: Floor | None = None
    speed_factor: float = 1.0
    lens: Lens | None = None


def analyse(frames: Iterable[TrackedPoses], conditions: Conditions) -> list[tuple[Kinematics, str]]:
    """The measures of each person, and the unit of their positions, "px" or "m". People who cannot be measured are left
    out, with a warning.

    Raises ValueError where there are people and none can be measured, and for the height of somebody who is not there.
    """
    people, problems = [], []
    found = trajectories(frames)
    _check_heights(conditions.heights, [trajectory.track_id for trajectory in found])
    for trajectory in found:
        try:
            people.append(_measured(trajectory, conditions))
        except ValueError as error:
            problems.append(str(error))
    if problems and not people:
        raise ValueError(problems[0] + ("; nor can the others be measured" if len(problems) > 1 else ""))
    for problem in problems:
        logger.warning("%s; left out", problem)
    return people


def _measured(trajectory: Trajectory, conditions: Conditions) -> tuple[Kinematics, str]:
    """Raises ValueError for too few frames, and where metres are asked for and cannot be told."""
    if conditions.lens is not None:
        trajectory = without_distortion(trajectory, conditions.lens)
    body, unit = _in_units(slowed(trajectory, conditions.speed_factor), conditions)
    return measure(body, conditions.min_score, conditions.sex), unit


def _check_heights(heights: Mapping[int | None, float], ids: list[int]) -> None:
    for track_id in heights:
        if track_id is not None and track_id not in ids:
            known = ", ".join(map(str, ids)) or "none"
            raise ValueError(f"a height is given for person {track_id}, who is not there; the ids are {known}")


def _in_units(trajectory: Trajectory, conditions: Conditions) -> tuple[Trajectory, str]:
    if conditions.floor is not None:
        return _on_floor(trajectory, conditions.floor), "m"
    metres_per_pixel = conditions.metres_per_pixel
    height = conditions.heights.get(trajectory.track_id, conditions.heights.get(None))
    if height is not None:
        metres_per_pixel = height / _pixels(trajectory, conditions.min_score)
    return (trajectory, "px") if metres_per_pixel is None else (scaled(trajectory, metres_per_pixel), "m")


def _pixels(trajectory: Trajectory, min_score: float) -> float:
    pixels = body_height_pixels(trajectory, min_score)
    if np.isnan(pixels):
        raise ValueError(
            f"the size of person {trajectory.track_id} cannot be told: no arm and no leg is seen in {MIN_FRAMES} frames"
        )
    return pixels


def _on_floor(trajectory: Trajectory, floor: Floor) -> Trajectory:
    """The joints in metres: the feet on the floor, the others as in a plane that faces the camera at the feet, with the
    scale that the floor has there from left to right."""
    feet = trajectory.point("left_ankle", "right_ankle")
    if feet is None:
        raise ValueError(f"{trajectory.skeleton} has no ankles, so a floor says nothing of its people; leave it out")
    right = floor.to_metres(feet + _HALF_PIXEL) - floor.to_metres(feet - _HALF_PIXEL)
    scale = np.hypot(*right.T)  # metres per pixel
    joints = floor.to_metres(feet)[:, None] + (trajectory.joints - feet[:, None]) * scale[:, None, None]
    return replace(trajectory, joints=joints)
