"""Everything that is measured of one person: smoothed joints, angles, speeds, and the centre of mass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pose_track.analysis.angles import (
    JointAngle,
    Points,
    SegmentAngle,
    angle_between,
    joint_angles_of,
    segment_angles_of,
    turning_rate,
)
from pose_track.analysis.centre_of_mass import Sex, centre_of_mass
from pose_track.analysis.motion import Motion, fit_motion
from pose_track.analysis.trajectory import Trajectory
from pose_track.analysis.views import forward_sign, views
from pose_track.structures.arrays import Float64Array

DEFAULT_MIN_SCORE = 0.3
MIN_FRAMES = 6

_MAX_EXTENSION, _MAX_OVEREXTENSION = 90.0, 20.0  # degrees, of hip and shoulder, and of the knee
_UPWARDS = np.array([0.0, -1.0])
_DOWNWARDS = np.array([0.0, 1.0])


@dataclass(frozen=True, eq=False)
class Angle:
    """degrees, degrees_per_second: (T,); NaN where not known."""

    degrees: Float64Array
    degrees_per_second: Float64Array


@dataclass(frozen=True, eq=False)
class PointMotion:
    """A point over time, in the trajectory's unit and seconds. position, velocity, acceleration: (T, 2); NaN where not
    known."""

    position: Float64Array
    velocity: Float64Array
    acceleration: Float64Array

    @property
    def speed(self) -> Float64Array:
        """(T,)"""
        return np.asarray(np.hypot(*self.velocity.T))


@dataclass(frozen=True, eq=False)
class Kinematics:
    """The measures of one person in T frames.

    trajectory: the joints as they were found.
    joints: the motion of each joint of the skeleton, smoothed, by name.
    centre: of mass.
    joint_angles, segment_angles: by name; see `angles`.
    view: (T,) see `views`.
    """

    trajectory: Trajectory
    joints: Mapping[str, PointMotion]
    centre: PointMotion
    joint_angles: Mapping[str, Angle]
    segment_angles: Mapping[str, Angle]
    view: NDArray[np.str_]


def measure(trajectory: Trajectory, min_score: float = DEFAULT_MIN_SCORE, sex: Sex = "mean") -> Kinematics:
    """All measures of a person.

    min_score: joints with a lower score are taken as not seen.

    Raises ValueError for fewer than MIN_FRAMES, from which no motion can be told.
    """
    number = len(trajectory.frames)
    if number < MIN_FRAMES:
        raise ValueError(f"person {trajectory.track_id} is in {number} frames; a motion needs at least {MIN_FRAMES}")
    seen = np.asarray(trajectory.scores >= min_score)
    measured = replace(trajectory, joints=np.where(seen[..., None], trajectory.joints, np.nan))
    joints = _motions(measured.joints, trajectory.seconds)
    smooth = replace(measured, joints=joints.position)
    view = views(measured)  # smoothing would hide joints that change sides
    body = _Body(smooth, joints.velocity)
    forwards = forward_sign(view)
    names = trajectory.skeleton.joint_names
    centre = _motions(centre_of_mass(measured, sex)[:, None], trajectory.seconds)
    return Kinematics(
        trajectory,
        {name: _point(joints, k) for k, name in enumerate(names)},
        _point(centre, 0),
        {angle.name: body.joint_angle(angle, forwards) for angle in joint_angles_of(trajectory.skeleton)},
        {angle.name: body.segment_angle(angle) for angle in segment_angles_of(trajectory.skeleton)},
        view,
    )


def _motions(points: Float64Array, seconds: Float64Array) -> Motion:
    """The motion of (T, P, 2) points, with arrays of this shape. What is an outlier in one coordinate is left out in
    both."""
    num_times = len(points)
    motion = fit_motion(points.reshape(num_times, -1), seconds)
    outliers = np.asarray(motion.is_outlier.reshape(points.shape).any(axis=2))
    if outliers.any():
        points = np.where(outliers[..., None], np.nan, points)
        motion = fit_motion(points.reshape(num_times, -1), seconds)
    return Motion(
        motion.position.reshape(points.shape),
        motion.velocity.reshape(points.shape),
        motion.acceleration.reshape(points.shape),
        np.broadcast_to(outliers[..., None], points.shape),
    )


def _point(motion: Motion, k: int) -> PointMotion:
    return PointMotion(motion.position[:, k], motion.velocity[:, k], motion.acceleration[:, k])


class _Body:
    """Directions between the smoothed points of a person, and how they change."""

    def __init__(self, positions: Trajectory, velocities: Float64Array) -> None:
        self._positions = positions
        self._velocities = replace(positions, joints=velocities)

    def joint_angle(self, angle: JointAngle, forwards: Float64Array) -> Angle:
        second, second_change = self._direction(*angle.second)
        if angle.first is None:
            first, first_change = np.broadcast_to(_UPWARDS, second.shape), np.zeros_like(second)
        else:
            first, first_change = self._direction(*angle.first)
        turned = angle_between(first, second)
        rate = turning_rate(second, second_change) - turning_rate(first, first_change)
        signed = forwards * angle.forwards if angle.forwards else np.full(len(turned), np.nan)
        sign = np.where(np.isnan(signed), np.sign(turned), signed)
        if angle.bends_one_way:  # one that bends the other way is bent, and the view mistaken
            sign = np.where(sign * turned < -_MAX_OVEREXTENSION, -sign, sign)
        elif angle.first is not None:  # an arm raised beyond the head goes on from 180 degrees
            turned = np.where(sign * turned < -_MAX_EXTENSION, turned + 360 * sign, turned)
        return Angle(angle.offset + angle.factor * sign * turned, angle.factor * sign * rate)

    def segment_angle(self, segment: SegmentAngle) -> Angle:
        direction, change = self._direction(segment.proximal, segment.distal)
        down = np.broadcast_to(_DOWNWARDS, direction.shape)
        return Angle(-angle_between(down, direction), -turning_rate(direction, change))

    def _direction(self, start: Points, end: Points) -> tuple[Float64Array, Float64Array]:
        """(T, 2) from one point to another, and its change in a second."""
        return tuple(_known(body, end) - _known(body, start) for body in (self._positions, self._velocities))  # type: ignore[return-value]


def _known(body: Trajectory, names: Points) -> Float64Array:
    """A point that the skeleton has."""
    point = body.point(*names)
    assert point is not None
    return point
