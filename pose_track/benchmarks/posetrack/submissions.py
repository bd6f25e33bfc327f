"""From kept poses to what is submitted: everything, for AP; and who is sure and linked, for the tracking figures.

Every joint's score is multiplied by its person's: joints of different people are ranked in one list, and a reproduction
of the published results found 71.5 mAP that way where joint scores alone gave 69.4.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pose_track.benchmarks.posetrack.saved_poses import SavedPoses, is_high_score
from pose_track.config.tracker import TrackerSettings
from pose_track.formats.tracks_jsonl import people_as_told
from pose_track.linking.poses import link_poses
from pose_track.structures.conversion import convert_people
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.sequence import People, PoseSequence
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.tracking.tracker import FrameTime


def ap_submission(truth: PoseSequence, raw: SavedPoses) -> PoseSequence:
    """Every pose of the listed frames; ids only number the people of a frame."""
    return _scored(as_sequence(truth, raw))


def link(raw: SavedPoses, tracker: TrackerSettings, min_person_score: float) -> SavedPoses:
    """The people of every frame whose score is at least so high, with identities by place and motion alone: without
    pictures, thus without optical flow, and without looks."""
    frames = [FrameTime(tracked.frame_index, tracked.pts_seconds) for tracked in raw.frames]
    sure = [tracked.poses[is_high_score(tracked.poses, min_person_score)] for tracked in raw.frames]
    found = link_poses(zip(frames, sure, strict=True), tracker, raw.fps)
    linked = [
        TrackedPoses(frame.index, frame.pts_seconds, poses[ids > 0], ids[ids > 0])
        for frame, poses, ids in zip(frames, sure, found, strict=True)
    ]
    return replace(raw, frames=tuple(linked))


def without_joints(sequence: PoseSequence, min_joint_score: float) -> PoseSequence:
    """The sequence without joints of a lower score, and without people who have none left."""
    people = sequence.people
    kept = people.joint_scores >= min_joint_score  # not where there is none
    joints = np.where(kept[..., None], people.joints, np.nan)
    people = replace(people, joints=joints, joint_scores=np.where(kept, people.joint_scores, np.nan))
    some = np.asarray(kept.any(axis=1))
    return _scored(replace(sequence, people=people[some], frame_of=sequence.frame_of[some]))


def as_sequence(truth: PoseSequence, kept: SavedPoses) -> PoseSequence:
    """The people of the frames that the truth lists, in its order, with PoseTrack's 15 joints; everything else that the
    truth tells of its frames, but for regions to ignore, which are its own affair.

    Positions are rounded as the files have them. Raises ValueError where a listed frame is not among those kept.
    """
    listed = [kept.frames[index] for index in kept.places(truth).tolist()]
    people = People.joined(map(people_as_told, listed))
    if listed:
        people = convert_people(people, listed[0].poses.skeleton, POSETRACK_15)
    frame_of = np.repeat(np.arange(len(listed)), [len(tracked) for tracked in listed])
    infos = tuple(replace(frame, ignore_regions=()) for frame in truth.frames)
    return PoseSequence(truth.name, POSETRACK_15, infos, people, frame_of, truth.layout, truth.more)


def _scored(sequence: PoseSequence) -> PoseSequence:
    """Joint scores times the person's, to the digits that such a product has."""
    people = sequence.people
    scores = (people.joint_scores * people.scores[:, None]).round(8)
    return replace(sequence, people=replace(people, joint_scores=scores))
