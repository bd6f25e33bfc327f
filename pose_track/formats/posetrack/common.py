"""What the writers of both PoseTrack layouts share: conversion of joints, and statistics of the source."""

from __future__ import annotations

import logging
from dataclasses import replace

from pose_track.formats.rounding import POSITION_DECIMALS, SCORE_DECIMALS, rounded
from pose_track.structures.conversion import convert_annotations
from pose_track.structures.sequence import PoseAnnotations
from pose_track.structures.skeleton import Skeleton

logger = logging.getLogger(__name__)

_MAX_TRACK_ID = 9999  # poseval's limit on the ids of a sequence


class SourceStatistics:
    """Statistics of a source, gathered frame by frame."""

    def __init__(self) -> None:
        self.num_frames = 0
        self.max_people = 0
        self.max_track_id = 0

    def add(self, people: PoseAnnotations) -> None:
        self.num_frames += 1
        self.max_people = max(self.max_people, len(people))
        self.max_track_id = max(self.max_track_id, int(people.track_ids.max(initial=0)))

    def warn(self, name: str) -> None:
        """Log a warning where poseval cannot evaluate the file. name: the source's."""
        if self.max_track_id > _MAX_TRACK_ID:
            logger.warning("%s has track id %d; poseval stops above %d", name, self.max_track_id, _MAX_TRACK_ID)


def convert_rounded(people: PoseAnnotations, source: Skeleton, target: Skeleton) -> PoseAnnotations:
    """The people with the joints of `target`.

    Computed joints, such as a neck between the shoulders, have the decimals of a `tracks.jsonl`; the others stay to the
    last digit.
    """
    people = convert_annotations(people, source, target)
    computed = [k for k, name in enumerate(target.joint_names) if name not in source.joint_names]
    if not computed:
        return people
    joints, scores = people.joints.copy(), people.joint_scores.copy()
    joints[:, computed] = rounded(joints[:, computed], POSITION_DECIMALS)
    scores[:, computed] = rounded(scores[:, computed], SCORE_DECIMALS)
    return replace(people, joints=joints, joint_scores=scores)
