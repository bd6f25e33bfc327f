"""Joint angles of people over time: those of `pose_track.analysis`."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pose_track.analysis.angles import joint_angles_of
from pose_track.analysis.kinematics import Kinematics, measure
from pose_track.analysis.trajectory import Trajectory
from pose_track.plots.person_series import PersonSeries
from pose_track.structures.arrays import Float64Array


def joint_angles(person: PersonSeries, joint: str) -> Float64Array:
    """(F,) degrees, smoothed, by the conventions of `analysis.angles`; NaN where not known, and for somebody in fewer
    than six frames. Raises ValueError for a joint without an angle.
    """
    names = [angle.name for angle in joint_angles_of(person.skeleton)]
    if joint not in names:
        raise ValueError(f"{joint!r} has no angle; choose of {', '.join(names)}")
    if len(person.frames) < 6:
        return np.full(len(person.frames), np.nan)
    return _measures(person).joint_angles[joint].degrees


@lru_cache(maxsize=32)
def _measures(person: PersonSeries) -> Kinematics:
    scores = np.nan_to_num(person.joint_scores)
    return measure(Trajectory(person.id, person.frames, person.seconds, person.joints, scores, person.skeleton))
