"""The joints of one person over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pose_track.structures.arrays import Float64Array, IntArray
from pose_track.structures.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One person in all T frames from their first to their last.

    track_id: at least 1.
    frames: (T,) frame indices.
    seconds: (T,) increasing times.
    joints: (T, K, 2) x to the right, y down, in pixels or metres; NaN where a joint is absent.
    scores: (T, K) joint scores; 0 where a joint is absent.
    """

    track_id: int
    frames: IntArray
    seconds: Float64Array
    joints: Float64Array
    scores: Float64Array
    skeleton: Skeleton

    def __post_init__(self) -> None:
        t, k = len(self.frames), self.skeleton.num_joints
        shapes = {"seconds": (t,), "joints": (t, k, 2), "scores": (t, k)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {getattr(self, name).shape}")
        if not (np.diff(self.seconds) > 0).all():
            raise ValueError("seconds must increase; every frame needs a time of its own")

    def point(self, *names: str) -> Float64Array | None:
        """(T, 2) a joint, or the middle of several; None where the skeleton lacks one."""
        if not set(names) <= set(self.skeleton.joint_names):
            return None
        return np.asarray(self.joints[:, [self.skeleton.index(name) for name in names]].mean(axis=1))


def first_point(trajectory: Trajectory, choices: Sequence[Sequence[str]]) -> Float64Array | None:
    """(T, 2) the first of several choices that the skeleton has, each a joint or the middle of several."""
    for names in choices:
        point = trajectory.point(*names)
        if point is not None:
            return point
    return None
