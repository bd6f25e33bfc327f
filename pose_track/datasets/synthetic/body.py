"""A human skeleton in three dimensions: proportions, joint angles and joint positions.

World coordinates are metres: x to the right, y up, z towards a viewer in front; the ground is y = 0. A body at rest
stands upright with hanging arms and faces +z, so that its left side is at +x. A frame is a (3, 3) rotation whose
columns are the body part's left, up and forward directions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
SIDES = ("left", "right")

# Heights and lengths as fractions of the body height, from the segment tables of Drillis and Contini (1966).
HIP_HEIGHT, WAIST, CHEST, NECK, SKULL, CROWN = (
    0.53,
    0.075,
    0.16,
    0.298,
    0.375,
    0.465,
)  # the last five are above the hips
SHOULDER_RISE, SHOULDER_HALF, HIP_HALF = 0.263, 0.101, 0.056
UPPER_ARM, FOREARM, THIGH, SHIN, ANKLE_HEIGHT = 0.180, 0.148, 0.245, 0.240, 0.042


@dataclass(frozen=True)
class BodyProportions:
    """A person's proportions: the height in metres, and factors around 1.

    legs: moves length between legs and torso.
    width: thickness of the body.
    shoulders, hips: their breadth.
    head: its size.
    """

    height: float = 1.74
    legs: float = 1.0
    width: float = 1.0
    shoulders: float = 1.0
    hips: float = 1.0
    head: float = 1.0


@dataclass
class Pose:
    """Joint angles in radians; all 0 is standing with hanging arms. Row 0 of arms and legs is the left side.

    root: lean forward, lean left, turn left.
    spine, chest, head: bend forward, bend left, turn left.
    arms: raise forward, raise sideways, twist, bend the elbow, bend the wrist.
    legs: raise forward, raise sideways, twist outward, bend the knee, point the toes down.
    lift: metres between the lowest foot and the ground.
    """

    root: Array = field(default_factory=lambda: np.zeros(3))
    spine: Array = field(default_factory=lambda: np.zeros(3))
    chest: Array = field(default_factory=lambda: np.zeros(3))
    head: Array = field(default_factory=lambda: np.zeros(3))
    arms: Array = field(default_factory=lambda: np.tile([0.05, 0.12, 0.2, 0.25, 0.0], (2, 1)))
    legs: Array = field(default_factory=lambda: np.tile([0.02, 0.05, 0.15, 0.04, 0.0], (2, 1)))
    lift: float = 0.0


@dataclass(frozen=True)
class PosedBody:
    """A body in world coordinates. points: joint name -> (3,) metres; frames: bone name -> (3, 3) rotation."""

    proportions: BodyProportions
    points: dict[str, Array]
    frames: dict[str, Array]


def rotation(axis: str, angle: float) -> Array:
    """(3, 3) right-handed rotation about a coordinate axis.

    >>> (rotation("y", np.pi / 2) @ [0, 0, 1]).round(6).tolist()
    [1.0, 0.0, 0.0]
    """
    c, s = np.cos(angle), np.sin(angle)
    if axis == "x":
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    if axis == "y":
        return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def _bend(angles: Array) -> Array:
    """The rotation of a trunk joint. angles: bend forward, bend left, turn left."""
    return rotation("y", angles[2]) @ rotation("z", -angles[1]) @ rotation("x", angles[0])


def _place_limb(
    points: dict[str, Array], frames: dict[str, Array], names: tuple[str, str, str], start: Array, base: Array,
    lengths: tuple[float, float], angles: Array, side: str,
) -> None:  # fmt: skip
    """Place two bones that hang from `start`, the first with three angles, the second on a hinge. names: of joints."""
    sign, hinge = (1.0 if side == "left" else -1.0), (-1.0 if names[1] == "elbow" else 1.0)
    twist = sign * angles[2]
    upper = base @ rotation("z", sign * angles[1]) @ rotation("x", -angles[0]) @ rotation("y", twist)
    lower = upper @ rotation("x", hinge * angles[3])
    middle = start - upper[:, 1] * lengths[0]
    points[f"{side}_{names[0]}"], points[f"{side}_{names[1]}"] = start, middle
    points[f"{side}_{names[2]}"] = middle - lower[:, 1] * lengths[1]
    frames[f"{side}_{names[0]}"], frames[f"{side}_{names[1]}"] = upper, lower


def _place_trunk(
    points: dict[str, Array], frames: dict[str, Array], proportions: BodyProportions, pose: Pose, heading: float
) -> None:
    """Place the joints and bones between the pelvis and the head."""
    torso = proportions.height * (2.0 - proportions.legs)
    frames["pelvis"] = rotation("y", heading) @ _bend(pose.root)
    frames["waist"] = frames["pelvis"] @ _bend(pose.spine)
    frames["chest"] = frames["waist"] @ _bend(pose.chest)
    frames["neck"] = frames["chest"] @ _bend(0.4 * pose.head) @ rotation("x", 0.18)
    frames["head"] = frames["chest"] @ _bend(pose.head)
    points["pelvis"] = np.zeros(3)
    points["waist"] = points["pelvis"] + frames["pelvis"][:, 1] * WAIST * torso
    points["chest"] = points["waist"] + frames["waist"][:, 1] * (CHEST - WAIST) * torso
    points["head_bottom"] = points["chest"] + frames["chest"][:, 1] * (NECK - CHEST) * torso
    points["skull"] = points["head_bottom"] + frames["neck"][:, 1] * (SKULL - NECK) * proportions.height
    head_size = proportions.height * proportions.head
    points["head_top"] = points["skull"] + frames["head"] @ np.array([0, CROWN - SKULL, 0.004]) * head_size
    points["nose"] = points["skull"] + frames["head"] @ np.array([0, 0.008, 0.0765]) * head_size


def pose_body(
    proportions: BodyProportions, pose: Pose, heading: float = 0.0, position: tuple[float, float] = (0.0, 0.0)
) -> PosedBody:
    """The body in a pose.

    Args:
        proportions: of the body.
        pose: joint angles.
        heading: radians; 0 faces +z, pi / 2 faces +x.
        position: x z of the pelvis in metres; its height follows from the lower foot standing on the ground.

    >>> body = pose_body(BodyProportions(height=1.8), Pose())
    >>> round(float(body.points["head_top"][1]), 1), bool(body.points["left_wrist"][0] > 0)
    (1.8, True)
    """
    points: dict[str, Array] = {}
    frames: dict[str, Array] = {}
    _place_trunk(points, frames, proportions, pose, heading)
    height, torso = proportions.height, proportions.height * (2.0 - proportions.legs)
    for row, side in enumerate(SIDES):
        sign = 1.0 if side == "left" else -1.0
        reach = np.array(
            [sign * SHOULDER_HALF * proportions.shoulders * height, (SHOULDER_RISE - CHEST) * torso, -0.004]
        )
        reach[1] += 0.03 * height * max(0.0, np.sin(pose.arms[row, 1]) * 0.6 - 0.1)  # a raised arm lifts the shoulder
        arm = (UPPER_ARM * height, FOREARM * height)
        shoulder = points["chest"] + frames["chest"] @ reach
        _place_limb(
            points, frames, ("shoulder", "elbow", "wrist"), shoulder, frames["chest"], arm, pose.arms[row], side
        )
        hip = frames["pelvis"] @ np.array([sign * HIP_HALF * proportions.hips * height, 0.0, 0.0])
        leg = (THIGH * height * proportions.legs, SHIN * height * proportions.legs)
        _place_limb(points, frames, ("hip", "knee", "ankle"), hip, frames["pelvis"], leg, pose.legs[row], side)
        frames[f"{side}_wrist"] = frames[f"{side}_elbow"] @ rotation("x", -pose.arms[row, 4])
        frames[f"{side}_ankle"] = frames[f"{side}_knee"] @ rotation("x", pose.legs[row, 4])
    lowest = min(_sole(points, frames, side, height) for side in SIDES)
    offset = np.array([position[0], pose.lift - lowest, position[1]])
    return PosedBody(proportions, {name: p + offset for name, p in points.items()}, frames)


def _sole(points: dict[str, Array], frames: dict[str, Array], side: str, height: float) -> float:
    """The height of a foot's lowest point relative to the pelvis, in metres."""
    foot = frames[f"{side}_ankle"]
    ends = [points[f"{side}_ankle"] + foot @ (np.array([0, -ANKLE_HEIGHT, z]) * height) for z in (-0.035, 0.1)]
    return float(min(e[1] for e in ends))
