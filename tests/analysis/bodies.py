"""A body in three dimensions that walks before a camera, with its true angles."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from pose_track.analysis.kinematics import Kinematics, measure
from pose_track.analysis.trajectory import Trajectory
from pose_track.datasets.synthetic.body import BodyProportions, PosedBody, pose_body
from pose_track.datasets.synthetic.camera import Camera
from pose_track.datasets.synthetic.motions import TAU, walk
from pose_track.structures.arrays import Float64Array
from pose_track.structures.skeleton import POSETRACK_15

SECONDS = np.arange(100) / 50
HEIGHT = 1.75
CYCLE = 1.1  # seconds
CAMERA = Camera(1280, 720, 1100.0, eye=1.1)
DISTANCE = 5.0  # metres; the body is 385 pixels high
INNER = slice(8, -8)


def walker(turned: float, speed: float = 0.0) -> list[PosedBody]:
    """Somebody who walks to the right, in place or with a speed in metres a second. turned: degrees towards the camera
    from a side view."""
    heading = np.pi / 2 - np.radians(turned)
    return [
        pose_body(BodyProportions(HEIGHT), walk(TAU * t / CYCLE), heading, (speed * (t - 1), -DISTANCE))
        for t in SECONDS.tolist()
    ]


def seen(bodies: list[PosedBody], noise: float = 0.0) -> Trajectory:
    """The joints in the image. noise: standard deviation in pixels."""
    points = np.array([[body.points[name] for name in POSETRACK_15.joint_names] for body in bodies])
    joints = CAMERA.project(points)[0]
    joints = joints + np.random.default_rng(0).normal(0, 1, joints.shape) * noise
    return Trajectory(1, np.arange(len(bodies)), SECONDS, joints, np.ones(joints.shape[:2]), POSETRACK_15)


def true_angles(bodies: list[PosedBody]) -> dict[str, Float64Array]:
    """(T,) degrees of the left side in space: knee and elbow between their limbs, hip and trunk in the plane in which
    the pelvis moves forwards and up."""
    angles: dict[str, list[float]] = {"knee": [], "elbow": [], "hip": [], "trunk": []}
    for body in bodies:
        p = body.points
        trunk = (p["left_shoulder"] + p["right_shoulder"] - p["left_hip"] - p["right_hip"]) / 2
        thigh, shank = p["left_knee"] - p["left_hip"], p["left_ankle"] - p["left_knee"]
        arm, forearm = p["left_elbow"] - p["left_shoulder"], p["left_wrist"] - p["left_elbow"]
        forwards = np.cross(body.frames["pelvis"][:, 0], [0.0, 1.0, 0.0])

        def lean(direction: Float64Array, forwards: Float64Array = forwards) -> float:
            return float(np.degrees(np.arctan2(direction @ forwards, direction[1])))

        angles["knee"].append(_between(thigh, shank))
        angles["elbow"].append(_between(arm, forearm))
        angles["trunk"].append(lean(trunk))
        angles["hip"].append(lean(trunk) - lean(-thigh))
    return {name: np.array(values) for name, values in angles.items()}


def _between(a: Float64Array, b: Float64Array) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))))


@cache
def measured(turned: float, noise: float) -> Kinematics:
    return measure(seen(walker(turned), noise))


def errors(turned: float, noise: float) -> Mapping[str, tuple[float, float]]:
    """The root mean square errors of each angle of the left side in degrees, and of its rate in degrees a second."""
    truth, found = true_angles(walker(turned)), measured(turned, noise).joint_angles
    result = {}
    for name, degrees in truth.items():
        angle = found["trunk" if name == "trunk" else f"left_{name}"]
        rate = np.gradient(degrees, SECONDS)
        result[name] = (_rms(angle.degrees - degrees), _rms(angle.degrees_per_second - rate))
    return result


def _rms(values: Float64Array) -> float:
    return float(np.sqrt(np.nanmean(values[INNER] ** 2)))
