"""Conversion between the people of a file and the poses that the stages exchange."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pose_track.formats.defaults import has_boxes, person_scores
from pose_track.formats.rounding import POSITION_DECIMALS, SCORE_DECIMALS, rounded
from pose_track.geometry.boxes import joints_to_boxes
from pose_track.structures.frames import SOURCES, Poses, TrackedPoses
from pose_track.structures.sequence import PoseAnnotations
from pose_track.structures.skeleton import Skeleton

_COORDINATE_LIMIT = 1e9  # far outside any image, and small enough that areas are finite in single precision


def annotations_to_poses(people: PoseAnnotations, skeleton: Skeleton) -> Poses:
    """The same N people, in their order, as poses with the K joints of `skeleton`: no value is missing, and all scores
    are in [0, 1].

    joints: an absent joint is at (0, 0).
    joint_scores: 0 for an absent joint, 1 where missing. Scores outside [0, 1], as COCO results may have, are clipped.
    scores: where missing, the mean of the known joint scores, or 1 where there are none.
    boxes: where missing, the extent of the joints, 15 % wider and higher (see `joints_to_boxes`), or the empty box
        (0, 0, 0, 0) without joints.
    sources: the person's `extra["source"]` where that is one of SOURCES, else "recorded".

    Raises ValueError where `skeleton` has another number of joints.

    >>> from pose_track.structures.skeleton import LSP_14
    >>> joints = np.full((1, 14, 2), np.nan)
    >>> joints[0, :2] = [[10, 10], [20, 50]]
    >>> scores = np.full((1, 14), np.nan)
    >>> scores[0, 0] = 0.5
    >>> poses = annotations_to_poses(PoseAnnotations.from_joints(joints, scores), LSP_14)
    >>> poses.joint_scores[0, :4].tolist(), poses.scores.tolist(), poses.boxes.tolist()
    ([0.5, 1.0, 0.0, 0.0], [0.5], [[9.25, 7.0, 20.75, 53.0]])
    """
    present = people.has_joint
    known_scores = people.joint_scores.clip(0, 1)
    joints = np.where(present[..., None], people.joints, 0).clip(-_COORDINATE_LIMIT, _COORDINATE_LIMIT)
    extents = joints_to_boxes(joints, present, min_score=0)
    boxes = np.where(has_boxes(people)[:, None], people.boxes, extents).clip(-_COORDINATE_LIMIT, _COORDINATE_LIMIT)
    return Poses(
        joints.astype(np.float32),
        np.where(present, np.where(np.isnan(known_scores), 1, known_scores), 0).astype(np.float32),
        boxes.astype(np.float32),
        person_scores(replace(people, joint_scores=known_scores)).clip(0, 1).astype(np.float32),
        skeleton,
        _sources(people),
    )


def _sources(people: PoseAnnotations) -> NDArray[np.str_]:
    """(N,) the stage that each box came from."""
    sources = [extra.get("source") for extra in people.extra.tolist()]
    return np.array([source if source in SOURCES else "recorded" for source in sources], np.str_)


def tracked_to_annotations(tracked: TrackedPoses) -> PoseAnnotations:
    """The people of a frame with the decimals of a `tracks.jsonl`; a joint with score 0 is absent."""
    poses = tracked.poses
    joint_scores = rounded(poses.joint_scores, SCORE_DECIMALS)
    absent = joint_scores == 0
    return PoseAnnotations.from_joints(
        np.where(absent[..., None], np.nan, rounded(poses.joints, POSITION_DECIMALS)),
        np.where(absent, np.nan, joint_scores),
        scores=rounded(poses.scores, SCORE_DECIMALS),
        boxes=rounded(poses.boxes, POSITION_DECIMALS),
        track_ids=tracked.track_ids,
    )
