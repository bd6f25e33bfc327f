"""People of known motion: a stick figure whose joint angles are given."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pose_track.analysis.trajectory import Trajectory
from pose_track.structures.arrays import Float64Array
from pose_track.structures.skeleton import Skeleton

FEET = Skeleton(
    "feet",
    (
        "nose", "head_bottom", "head_top",
        *(f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "big_toe")
          for side in ("left", "right")),
    ),
)  # fmt: skip

LENGTHS = {"trunk": 100.0, "neck": 15.0, "head": 40.0, "upper_arm": 60.0, "forearm": 50.0, "thigh": 85.0, "shank": 80.0}


def down(degrees: Float64Array | float) -> Float64Array:
    """(T, 2) unit vectors `degrees` from straight down towards the right of the image."""
    angle = np.radians(np.asarray(degrees, np.float64))
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1)


def side_figure(seconds: Float64Array, angles: Mapping[str, Float64Array], facing: int = 1) -> Trajectory:
    """Somebody seen from the side. angles: degrees of flexion by name, 0 where not given; "trunk" leans forwards.

    facing: 1 to the right of the image, -1 to the left.
    """
    num_times = len(seconds)

    def of(name: str) -> Float64Array:
        return np.broadcast_to(angles.get(name, np.zeros(1)), (num_times,)).astype(np.float64)

    points: dict[str, Float64Array] = {}
    hips = np.tile([500.0, 400.0], (num_times, 1)) if "hips" not in angles else np.asarray(angles["hips"])
    trunk = of("trunk")
    up = -down(-trunk)  # from hips to shoulders, leaning to the right
    shoulders = hips + LENGTHS["trunk"] * up
    points["head_bottom"] = shoulders + LENGTHS["neck"] * up
    points["head_top"] = points["head_bottom"] - LENGTHS["head"] * down(-(trunk + of("neck")))
    points["nose"] = (points["head_bottom"] + points["head_top"]) / 2 + [12.0, 0.0]
    for side in ("left", "right"):
        points[f"{side}_shoulder"], points[f"{side}_hip"] = shoulders, hips
        arm = of(f"{side}_shoulder") - trunk
        points[f"{side}_elbow"] = shoulders + LENGTHS["upper_arm"] * down(arm)
        forearm = arm + of(f"{side}_elbow")
        points[f"{side}_wrist"] = points[f"{side}_elbow"] + LENGTHS["forearm"] * down(forearm)
        thigh = of(f"{side}_hip") - trunk
        points[f"{side}_knee"] = hips + LENGTHS["thigh"] * down(thigh)
        shank = thigh - of(f"{side}_knee")
        ankle = points[f"{side}_knee"] + LENGTHS["shank"] * down(shank)
        foot = down(shank + 90 + of(f"{side}_ankle"))
        points[f"{side}_ankle"], points[f"{side}_heel"] = ankle, ankle - 12 * foot
        points[f"{side}_big_toe"] = ankle + 30 * foot
    joints = np.stack([points[name] for name in FEET.joint_names], axis=1)
    if facing < 0:
        joints = joints * [-1, 1] + [1000, 0]
    scores = np.ones(joints.shape[:2])
    return Trajectory(1, np.arange(num_times), seconds, joints, scores, FEET)
