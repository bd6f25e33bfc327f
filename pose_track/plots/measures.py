"""Angles and speeds of people over time: those of `pose_track.analysis`."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pose_track.analysis.angles import joint_angles_of
from pose_track.analysis.kinematics import MIN_FRAMES, Kinematics, measure
from pose_track.analysis.trajectory import Trajectory
from pose_track.plots.person_series import PersonSeries
from pose_track.structures.arrays import Float64Array


def joint_angles(person: PersonSeries, joint: str) -> Float64Array:
    """(F,) degrees, smoothed, by the conventions of `analysis.angles`; NaN where not known, and for somebody in too few
    frames. Raises ValueError for a joint without an angle.
    """
    names = [angle.name for angle in joint_angles_of(person.skeleton)]
    if joint not in names:
        raise ValueError(f"{joint!r} has no angle; choose of {', '.join(names)}")
    measures = _measures(person)
    return _unknown(person) if measures is None else measures.joint_angles[joint].degrees


def joint_speeds(person: PersonSeries, joint: str) -> Float64Array:
    """(F,) pixels a second, smoothed; NaN where not known, and for somebody in too few frames. Raises ValueError for an
    unknown joint.
    """
    person.skeleton.index(joint)
    measures = _measures(person)
    return _unknown(person) if measures is None else measures.joints[joint].speed


def _unknown(person: PersonSeries) -> Float64Array:
    return np.full(len(person.frames), np.nan)


@lru_cache(maxsize=32)
def _measures(person: PersonSeries) -> Kinematics | None:
    if len(person.frames) < MIN_FRAMES:
        return None
    scores = np.nan_to_num(person.joint_scores)
    return measure(Trajectory(person.id, person.frames, person.seconds, person.joints, scores, person.skeleton))
