"""People as files tell them, as poses that stages take: every number there, in [0, 1] where it is a score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pose_track.formats.defaults import has_boxes, person_scores
from pose_track.geometry.boxes import joints_to_boxes
from pose_track.structures.frames import SOURCES, Poses
from pose_track.structures.sequence import People
from pose_track.structures.skeleton import Skeleton

# far outside of any picture, and small enough that areas are numbers in single precision
_FARTHEST = 1e9


def people_to_poses(people: People, skeleton: Skeleton) -> Poses:
    """The same N people, in their order, whose K joints are those of `skeleton`.

    A joint that is not there gets score 0, at (0, 0); one whose score is not told gets 1. Scores of another range, as
    COCO results may have, are cut to [0, 1]: what is not above 0 counts as absent. A person's score that is not told is
    the mean of the joints' told scores, and 1 where there are none. A box that is not told is the extent of the joints
    that are there, 15 % wider and higher (see `joints_to_boxes`), and the empty box (0, 0, 0, 0) where none is.
    `sources` are what `more` tells under "source" where that is one of SOURCES, else "recorded". Raises ValueError
    where `skeleton` has another number of joints.

    >>> from pose_track.structures.skeleton import LSP_14
    >>> joints = np.full((1, 14, 2), np.nan)
    >>> joints[0, :2] = [[10, 10], [20, 50]]
    >>> scores = np.full((1, 14), np.nan)
    >>> scores[0, 0] = 0.5
    >>> poses = people_to_poses(People.of(joints, scores), LSP_14)
    >>> poses.joint_scores[0, :4].tolist(), poses.scores.tolist(), poses.boxes.tolist()
    ([0.5, 1.0, 0.0, 0.0], [0.5], [[9.25, 7.0, 20.75, 53.0]])
    """
    there = people.has_joint
    told = people.joint_scores.clip(0, 1)
    joints = np.where(there[..., None], people.joints, 0).clip(-_FARTHEST, _FARTHEST)
    extents = joints_to_boxes(joints, there, min_score=0)
    boxes = np.where(has_boxes(people)[:, None], people.boxes, extents).clip(-_FARTHEST, _FARTHEST)
    return Poses(
        joints.astype(np.float32),
        np.where(there, np.where(np.isnan(told), 1, told), 0).astype(np.float32),
        boxes.astype(np.float32),
        person_scores(replace(people, joint_scores=told)).clip(0, 1).astype(np.float32),
        skeleton,
        _sources(people),
    )


def _sources(people: People) -> NDArray[np.str_]:
    """(N,) where each box came from."""
    told = [more.get("source") for more in people.more.tolist()]
    return np.array([source if source in SOURCES else "recorded" for source in told], np.str_)
