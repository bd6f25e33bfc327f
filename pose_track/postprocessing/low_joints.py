"""Dropping joints with low scores: the one function for tracker output, linked files and submissions."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from pose_track.structures.arrays import BoolArray
from pose_track.structures.frames import Poses
from pose_track.structures.sequence import PoseAnnotations

P = TypeVar("P", PoseAnnotations, Poses)


def is_low_joint(people: PoseAnnotations | Poses, min_joint_score: float) -> BoolArray:
    """(N, K) joints with a score below `min_joint_score`. A negative score counts as 0; NaN, no score, is not low."""
    scores = people.joint_scores.astype(np.float32, copy=False)  # the same precision for both classes
    return np.asarray(np.maximum(scores, 0) < np.float32(min_joint_score))


def drop_low_joints(people: P, min_joint_score: float) -> P:
    """The same people; joints with a score below `min_joint_score` become absent.

    An absent joint has position and score NaN in `PoseAnnotations`, and 0 in `Poses`.

    >>> people = PoseAnnotations.from_joints(np.zeros((1, 3, 2)), np.array([[0.2, 0.3, np.nan]]))
    >>> drop_low_joints(people, 0.3).has_joint.tolist()
    [[False, True, True]]
    """
    absent = np.nan if isinstance(people, PoseAnnotations) else 0
    low = is_low_joint(people, min_joint_score)
    return replace(
        people,
        joints=np.where(low[..., None], absent, people.joints),
        joint_scores=np.where(low, absent, people.joint_scores),
    )
