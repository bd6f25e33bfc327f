"""Submissions: people and joints that are dropped, and the scores of joints."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from pose_track.benchmarks.posetrack.saved_poses import SavedPoses
from pose_track.benchmarks.posetrack.submissions import (
    ap_submission,
    link_raw_poses,
    saved_prediction,
    tracking_submission,
)
from pose_track.config.tracker import TrackerSettings
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import COCO_17, POSETRACK18_17, POSETRACK_15, Skeleton

TRACKER = TrackerSettings(min_high_score=0, min_start_score=0, min_confirm_frames=1)


def poses(skeleton: Skeleton, *scores: float, joint_score: float = 0.5) -> Poses:
    """People 100 px apart."""
    n, k = len(scores), skeleton.num_joints
    joints = np.arange(n)[:, None, None] * 100.0 + np.arange(k)[None, :, None] * (1.0, 2.0)
    boxes = np.arange(n)[:, None] * 100.0 + np.array([[0, 0, 40, 80]])
    return Poses(joints, np.full((n, k), joint_score), boxes, np.array(scores), skeleton)  # type: ignore[arg-type]


def raw_poses(*frames: Poses) -> SavedPoses:
    tracked = [TrackedPoses(i, i / 25, one, np.arange(1, len(one) + 1)) for i, one in enumerate(frames)]
    names = tuple(f"{i:06d}.jpg" for i in range(len(frames)))
    return SavedPoses(tuple(tracked), names, Fraction(25), 1.0, "cpu", "0")


def ids(saved: SavedPoses) -> list[list[int]]:
    return [frame.track_ids.tolist() for frame in saved.frames]


def gt(*listed: int) -> PoseSequence:
    frames = tuple(FrameInfo(i, f"images/{i:06d}.jpg", 1000 + i, extra={"vid_id": "1"}) for i in listed)
    people, none = PoseAnnotations.empty(POSETRACK18_17), np.zeros(0, np.int64)
    return PoseSequence("a", POSETRACK18_17, frames, people, none, "posetrack18", {"note": 1})


def test_ap_submission_has_all_poses_of_the_annotated_frames() -> None:
    submission = ap_submission(
        gt(2, 0, 2), raw_poses(poses(POSETRACK_15, 0.9), poses(POSETRACK_15), poses(POSETRACK_15, 0.2, 0.01))
    )
    assert [(frame.image_id, people.scores.tolist()) for frame, people in submission] == [
        (1002, [0.2, 0.01]),
        (1000, [0.9]),
        (1002, [0.2, 0.01]),
    ]
    assert (submission.name, submission.layout, submission.extra) == ("a", "posetrack18", {"note": 1})
    assert submission.frames[0].extra == {"vid_id": "1"}


def test_joint_scores_are_multiplied_by_the_person_score() -> None:
    submission = ap_submission(gt(0), raw_poses(poses(POSETRACK_15, 0.8, joint_score=0.25)))
    assert submission.people.joint_scores.tolist() == [[0.2] * 15]
    assert submission.people.scores.tolist() == [0.8]


def test_no_people() -> None:
    empty = ap_submission(gt(0), raw_poses(poses(POSETRACK_15)))
    assert len(empty.people) == 0
    assert len(tracking_submission(empty, 0.5).people) == 0


def test_low_score_people_are_dropped_before_linking() -> None:
    # the person in the second frame would continue the track of the first one
    raw = raw_poses(poses(POSETRACK_15, 0.9), poses(POSETRACK_15, 0.29), poses(POSETRACK_15, 0.3))
    assert ids(link_raw_poses(raw, TRACKER, 0.3)) == [[1], [], [1]]
    assert ids(link_raw_poses(raw, TRACKER, 0)) == [[1], [1], [1]]
    assert ids(link_raw_poses(raw, TRACKER.model_copy(update={"buffer_seconds": 0}), 0.3)) == [[1], [], [2]]


@pytest.mark.parametrize(("threshold", "num_joints"), [(0.0, 15), (0.35, 15), (0.3501, 7), (0.6, 7), (0.61, 0)])
def test_low_score_joints_are_dropped_by_their_own_score(threshold: float, num_joints: int) -> None:
    one = poses(POSETRACK_15, 0.5, joint_score=0.35)
    one.joint_scores[0, :7] = 0.6
    sequence = saved_prediction(gt(0), raw_poses(one))
    people = tracking_submission(sequence, threshold).people
    assert len(people) == (num_joints > 0)
    assert people.has_joint.sum() == num_joints
    assert set(people.joint_scores[people.has_joint].tolist()) <= {0.3, 0.175}
    assert np.isnan(people.joint_scores[~people.has_joint]).all()


def test_joint_with_score_0_is_absent() -> None:
    one = poses(POSETRACK_15, 0.5)
    one.joint_scores[0, 3] = 0
    submission = ap_submission(gt(0), raw_poses(one)).people
    assert np.flatnonzero(~submission.has_joint[0]).tolist() == [3]


def test_coco_joints_are_converted_to_posetrack_joints() -> None:
    submission = ap_submission(gt(0), raw_poses(poses(COCO_17, 0.8)))
    assert submission.skeleton == POSETRACK_15
    neck = submission.people.joints[0, POSETRACK_15.index("head_bottom")]
    shoulders = [COCO_17.index("left_shoulder"), COCO_17.index("right_shoulder")]
    assert neck.tolist() == [np.mean(shoulders), 2 * np.mean(shoulders)]
    assert submission.people.has_joint.all()
