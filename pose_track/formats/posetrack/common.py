"""What the writers of PoseTrack's two layouts have in common: the people's joints, and what is told of a whole file."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from pose_track.structures.conversion import convert_people
from pose_track.structures.sequence import FloatArray, FrameSource, People
from pose_track.structures.skeleton import Skeleton

logger = logging.getLogger(__name__)

# The evaluation's own limit on the ids of one sequence.
_MAX_TRACK_ID = 9999


def is_own(source: FrameSource, layout: str) -> bool:
    """Whether the source is from a file of this layout, so that what else is told of it, in `more`, belongs there."""
    return getattr(source, "layout", "") == layout


class Survey:
    """What the people of a source come to, gathered frame by frame."""

    def __init__(self) -> None:
        self.num_frames = 0
        self.max_people = 0
        self.max_track_id = 0

    def add(self, people: People) -> None:
        self.num_frames += 1
        self.max_people = max(self.max_people, len(people))
        self.max_track_id = max(self.max_track_id, int(people.track_ids.max(initial=0)))

    def warn(self, name: str) -> None:
        """Log what the reader of the file should know."""
        if self.max_track_id > _MAX_TRACK_ID:
            logger.warning("%s has track id %d; poseval stops above %d", name, self.max_track_id, _MAX_TRACK_ID)


def converted(people: People, source: Skeleton, target: Skeleton) -> People:
    """The people with the joints of `target`. What is computed on the way, such as a neck between the shoulders, is
    rounded as a `tracks.jsonl` is: positions to 2 decimals, scores to 4; the rest stays to the last digit."""
    people = convert_people(people, source, target)
    made = [k for k, name in enumerate(target.joint_names) if name not in source.joint_names]
    if not made:
        return people
    joints, scores = people.joints.copy(), people.joint_scores.copy()
    joints[:, made], scores[:, made] = shortened(joints[:, made], 2), shortened(scores[:, made], 4)
    return replace(people, joints=joints, joint_scores=scores)


def shortened(values: FloatArray, decimals: int) -> FloatArray:
    """The values with so many decimals; there is no -0.0 among them."""
    return np.asarray(np.round(values, decimals) + 0.0)
