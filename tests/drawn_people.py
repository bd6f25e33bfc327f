"""One person on a blank frame, for tests of drawing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.skeleton import COCO_17, Skeleton


def person(
    joint_score: float = 1.0,
    track_id: int = 1,
    box: tuple[float, float, float, float] = (40, 40, 140, 220),
    source: str = "detector",
    skeleton: Skeleton = COCO_17,
) -> TrackedPoses:
    """One person with joints spread over the inside of the box."""
    k = skeleton.num_joints
    x1, y1, x2, y2 = box
    joints = np.stack(
        [np.linspace(x1 + 20, x2 - 20, k), y1 + 20 + (y2 - y1 - 40) * (np.arange(k) * 7 % k) / k], axis=-1
    )
    scores = np.full((1, k), joint_score, np.float32)
    poses = Poses(joints[None].astype(np.float32), scores, np.array([box]), np.ones(1), skeleton, np.array([source]))  # type: ignore[arg-type]
    return TrackedPoses(0, 0.0, poses, np.array([track_id]))


def blank(height: int = 240, width: int = 320) -> ImageArray:
    return np.full((height, width, 3), 90, np.uint8)


def changed(drawn: ImageArray) -> NDArray[np.bool_]:
    """(H, W) where something was drawn on a blank frame."""
    return np.asarray((drawn != 90).any(axis=-1))


def inside(mask: NDArray[Any]) -> NDArray[Any]:
    """The part of the mask inside the box of `person`, without the lines and the label of the box."""
    return mask[60:210, 50:130]
