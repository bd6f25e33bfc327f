"""Angles and speeds of a person for the viewer's curves: those of `pose_track.analysis`."""

from __future__ import annotations

from typing import Any

import numpy as np

from pose_track.analysis.kinematics import MIN_FRAMES, measure
from pose_track.analysis.trajectory import Trajectory
from pose_track.structures.arrays import Float64Array
from pose_track.viewer.records import Axis, PackedRecords


def person_measures(packed: PackedRecords, axis: Axis, track_id: int, speed_factor: float) -> dict[str, Any]:
    """The joint angles in degrees and the speeds of the joints in pixels a second, by name, at a person's positions.

        {"positions": [0, 1, ...], "angle": {"left_knee": [12.5, null, ...]}, "speed": {"nose": [...]}}

    Null is not known; both are empty for somebody in too few frames. speed_factor: see `analysis.space.slowed`. Raises
    LookupError without the person, and ValueError where frames have one time.
    """
    rows = np.flatnonzero(packed.ids == track_id)
    if not len(rows):
        raise LookupError(f"nobody has the id {track_id}")
    positions = packed.positions[rows]
    values: dict[str, Any] = {"positions": positions.tolist(), "angle": {}, "speed": {}}
    if len(rows) < MIN_FRAMES:
        return values
    triples = packed.joints[rows].astype(np.float64)
    joints = np.where(triples[..., 2:] > 0, triples[..., :2], np.nan)
    seconds = axis.seconds[positions] * speed_factor
    person = Trajectory(track_id, axis.frames[positions], seconds, joints, triples[..., 2], packed.skeleton)
    kinematics = measure(person)
    values["angle"] = {name: _values(angle.degrees) for name, angle in kinematics.joint_angles.items()}
    values["speed"] = {name: _values(motion.speed) for name, motion in kinematics.joints.items()}
    return values


def _values(values: Float64Array) -> list[float | None]:
    return [None if value != value else round(value, 2) for value in values.tolist()]
