"""Angles of joints and segments in the image plane, and their angular velocities.

Conventions, after the recommendations of the International Society of Biomechanics (Wu et al., Journal of Biomechanics
35, 2002, and 38, 2005) as far as two dimensions allow:

    knee                 0 when straight, increasing with flexion; in a side view negative where it is overextended
    elbow                0 when straight, increasing with flexion, to 180; without a sign, for the upper arm can turn
    hip, shoulder        0 with the thigh or upper arm along the trunk, increasing with flexion, which is forwards in a
                         side view; negative backwards (extension), from -90 to 270
    ankle                0 when the foot is at a right angle to the shank, increasing with dorsiflexion
    trunk, neck          against the vertical and against the trunk; positive forwards in a side view
    segments             against the vertical, 0 when the distal end is straight below; positive when it is to the
                         right of the proximal end in the image, from -180 to 180

Where the person is not seen from the side, forwards is not in the image: knee, hip, shoulder, trunk and neck then have
the size of the angle only, without a sign. See `views`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pose_track.structures.arrays import Float64Array
from pose_track.structures.skeleton import Skeleton

Points = tuple[str, ...]
"""A joint, or several whose middle is meant."""


@dataclass(frozen=True)
class JointAngle:
    """An angle between two directions, each from one point to another.

    name: with side, such as "left_knee".
    first, second: the two directions, (from, to); None for upwards.
    offset, factor: degrees = offset + factor * size of the angle between them.
    forwards: 1 where the second direction is turned clockwise by flexion of somebody who looks to the right, -1 for the
        other way; 0 for an angle without a sign.
    bends_one_way: of a joint that is hardly ever extended beyond straight.
    """

    name: str
    first: tuple[Points, Points] | None
    second: tuple[Points, Points]
    offset: float = 0.0
    factor: float = 1.0
    forwards: int = 0
    bends_one_way: bool = False

    def joints(self) -> frozenset[str]:
        directions = (self.second,) if self.first is None else (self.first, self.second)
        return frozenset(name for direction in directions for points in direction for name in points)


@dataclass(frozen=True)
class SegmentAngle:
    """The angle of a segment against the vertical. proximal, distal: its ends."""

    name: str
    proximal: Points
    distal: Points

    def joints(self) -> frozenset[str]:
        return frozenset(self.proximal + self.distal)


_SHOULDERS, _HIPS = ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")
_TOES = ("{}_big_toe",)


def _sided(side: str) -> tuple[JointAngle, ...]:
    def at(*names: str) -> Points:
        return tuple(name.format(side) for name in names)

    hip, knee, ankle = at("{}_hip"), at("{}_knee"), at("{}_ankle")
    shoulder, elbow, wrist = at("{}_shoulder"), at("{}_elbow"), at("{}_wrist")
    trunk = (_SHOULDERS, _HIPS)
    return (
        JointAngle(f"{side}_ankle", (ankle, knee), (at("{}_heel"), at(*_TOES)), 90, -1),
        JointAngle(f"{side}_knee", (hip, knee), (knee, ankle), forwards=1, bends_one_way=True),
        JointAngle(f"{side}_hip", trunk, (hip, knee), forwards=-1),
        JointAngle(f"{side}_shoulder", trunk, (shoulder, elbow), forwards=-1),
        JointAngle(f"{side}_elbow", (shoulder, elbow), (elbow, wrist)),
    )


_TRUNK = JointAngle("trunk", None, (_HIPS, _SHOULDERS), forwards=1)
_NECK = JointAngle("neck", (_HIPS, _SHOULDERS), (("head_bottom",), ("head_top",)), forwards=1)
_SEGMENT_ENDS = (
    ("{}_foot", ("{}_heel",), _TOES),
    ("{}_shank", ("{}_knee",), ("{}_ankle",)), ("{}_thigh", ("{}_hip",), ("{}_knee",)),
    ("{}_upper_arm", ("{}_shoulder",), ("{}_elbow",)), ("{}_forearm", ("{}_elbow",), ("{}_wrist",)),
)  # fmt: skip

JOINT_ANGLES = (*_sided("left"), *_sided("right"), _TRUNK, _NECK)
SEGMENT_ANGLES = (
    *(
        SegmentAngle(name.format(side), tuple(n.format(side) for n in a), tuple(n.format(side) for n in b))
        for side in ("left", "right")
        for name, a, b in _SEGMENT_ENDS
    ),
    SegmentAngle("trunk", _SHOULDERS, _HIPS),
    SegmentAngle("head", ("head_top",), ("head_bottom",)),
)


def joint_angles_of(skeleton: Skeleton) -> tuple[JointAngle, ...]:
    """The joint angles that a skeleton's joints define."""
    return tuple(angle for angle in JOINT_ANGLES if angle.joints() <= set(skeleton.joint_names))


def segment_angles_of(skeleton: Skeleton) -> tuple[SegmentAngle, ...]:
    """The segments that a skeleton's joints define."""
    return tuple(angle for angle in SEGMENT_ANGLES if angle.joints() <= set(skeleton.joint_names))


def angle_between(first: Float64Array, second: Float64Array) -> Float64Array:
    """(T,) degrees from -180 to 180 from the first to the second of (T, 2) directions, clockwise in the image.

    >>> angle_between(np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]])).tolist()  # from right to down
    [90.0]
    """
    cross = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    return np.asarray(np.degrees(np.arctan2(cross, (first * second).sum(axis=1))))


def turning_rate(direction: Float64Array, velocity: Float64Array) -> Float64Array:
    """(T,) degrees a second by which (T, 2) directions turn clockwise in the image. velocity: (T, 2) their change in a
    second.

    >>> turning_rate(np.array([[2.0, 0.0]]), np.array([[0.0, 2.0]])).round(3).tolist()
    [57.296]
    """
    cross = direction[:, 0] * velocity[:, 1] - direction[:, 1] * velocity[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.degrees(cross / (direction**2).sum(axis=1)))
