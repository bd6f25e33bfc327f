"""Angles between the limbs at a joint."""

from __future__ import annotations

import numpy as np

from pose_track.structures.arrays import Float64Array
from pose_track.structures.skeleton import joint_type, side_of

_NEIGHBOURS = {
    "elbow": ("shoulder", "wrist"),
    "shoulder": ("elbow", "hip"),
    "hip": ("shoulder", "knee"),
    "knee": ("hip", "ankle"),
}


def angle_joints(joint: str) -> tuple[str, str, str]:
    """The three joints of the angle at a joint. Raises ValueError for one that has none.

    >>> angle_joints("left_knee")
    ('left_hip', 'left_knee', 'left_ankle')
    """
    kind, side = joint_type(joint), side_of(joint)
    if kind not in _NEIGHBOURS or not side:
        raise ValueError(f"{joint!r} has no angle; choose the left or right {', '.join(_NEIGHBOURS)}")
    first, last = _NEIGHBOURS[kind]
    return f"{side}_{first}", joint, f"{side}_{last}"


def limb_angles(a: Float64Array, b: Float64Array, c: Float64Array) -> Float64Array:
    """(F,) the angles at b between the limbs to a and to c, in degrees from 0 to 180 (a straight limb), in the image.

    a, b, c: (F, 2).

    >>> limb_angles(np.array([[0.0, 0]]), np.array([[0.0, 5]]), np.array([[3.0, 5]])).round(6).tolist()
    [90.0]
    """
    first, second = a - b, c - b
    cross = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    degrees: Float64Array = np.degrees(np.arctan2(np.abs(cross), (first * second).sum(axis=1)))
    return degrees
