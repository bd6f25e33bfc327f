"""Submissions from saved poses: all of them for AP; linked people with high scores for the tracking metrics.

The score of each joint is multiplied by the score of its person, since the joints of all people are ranked in one list.
A reproduction of the published results had 71.5 mAP this way, and 69.4 with the joint scores alone.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pose_track.benchmarks.posetrack.saved_poses import SavedPoses, is_high_score
from pose_track.config.tracker import TrackerSettings
from pose_track.formats.prediction_sequence import prediction_sequence
from pose_track.linking.poses import link_poses
from pose_track.postprocessing.low_joints import drop_low_joints
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.sequence import PoseSequence
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.tracking.linker import FrameTime


def ap_submission(gt: PoseSequence, raw: SavedPoses) -> PoseSequence:
    """All raw poses of the annotated frames. Track ids only number the people of a frame."""
    return _with_product_scores(saved_prediction(gt, raw))


def tracking_submission(prediction: PoseSequence, min_joint_score: float) -> PoseSequence:
    """A prediction without joints of lower scores, and without people who have no joint left."""
    people = drop_low_joints(prediction.people, min_joint_score)
    keep = np.asarray(people.has_joint.any(axis=1))
    return _with_product_scores(replace(prediction, people=people[keep], frame_indices=prediction.frame_indices[keep]))


def link_raw_poses(raw: SavedPoses, tracker: TrackerSettings, min_person_score: float) -> SavedPoses:
    """Link the people with at least `min_person_score`, without images.

    Optical flow and appearance are not available, so only positions and motion are used.
    """
    frames = [FrameTime(tracked.frame_index, tracked.pts_seconds) for tracked in raw.frames]
    poses = [tracked.poses[is_high_score(tracked.poses, min_person_score)] for tracked in raw.frames]
    track_ids = link_poses(zip(frames, poses, strict=True), tracker, raw.fps)
    linked = [
        TrackedPoses(frame.index, frame.pts_seconds, people[ids > 0], ids[ids > 0])
        for frame, people, ids in zip(frames, poses, track_ids, strict=True)
    ]
    return replace(raw, frames=tuple(linked))


def saved_prediction(gt: PoseSequence, saved: SavedPoses) -> PoseSequence:
    """The saved poses of the frames of `gt`, in its order, with PoseTrack's 15 joints.

    Raises ValueError for a frame that was not saved.
    """
    return prediction_sequence(gt, [saved.frames[index] for index in saved.frame_indices(gt).tolist()], POSETRACK_15)


def _with_product_scores(sequence: PoseSequence) -> PoseSequence:
    """Joint scores multiplied by the person's score, to 8 decimals, which is exact for factors of 4 decimals."""
    people = sequence.people
    scores = (people.joint_scores * people.scores[:, None]).round(8)
    return replace(sequence, people=replace(people, joint_scores=scores))
