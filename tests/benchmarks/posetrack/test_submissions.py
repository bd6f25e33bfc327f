"""What is left out of the submissions, and what joints score there."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from pose_track.benchmarks.posetrack.saved_poses import SavedPoses
from pose_track.benchmarks.posetrack.submissions import ap_submission, as_sequence, link, without_joints
from pose_track.config.tracker import TrackerSettings
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.sequence import FrameInfo, People, PoseSequence
from pose_track.structures.skeleton import COCO_17, POSETRACK18_17, POSETRACK_15, Skeleton

TRACKER = TrackerSettings(min_high_score=0, min_start_score=0, min_confirm_frames=1)


def poses(skeleton: Skeleton, *scores: float, joint_score: float = 0.5) -> Poses:
    """People 100 px apart."""
    n, k = len(scores), skeleton.num_joints
    joints = np.arange(n)[:, None, None] * 100.0 + np.arange(k)[None, :, None] * (1.0, 2.0)
    boxes = np.arange(n)[:, None] * 100.0 + np.array([[0, 0, 40, 80]])
    return Poses(joints, np.full((n, k), joint_score), boxes, np.array(scores), skeleton)  # type: ignore[arg-type]


def raw(*frames: Poses) -> SavedPoses:
    tracked = [TrackedPoses(i, i / 25, one, np.arange(1, len(one) + 1)) for i, one in enumerate(frames)]
    names = tuple(f"{i:06d}.jpg" for i in range(len(frames)))
    return SavedPoses(tuple(tracked), names, Fraction(25), 1.0, "cpu", "0")


def ids(kept: SavedPoses) -> list[list[int]]:
    return [frame.track_ids.tolist() for frame in kept.frames]


def truth(*listed: int) -> PoseSequence:
    frames = tuple(FrameInfo(i, f"images/{i:06d}.jpg", 1000 + i, more={"vid_id": "1"}) for i in listed)
    people, none = People.empty(POSETRACK18_17), np.zeros(0, np.int64)
    return PoseSequence("a", POSETRACK18_17, frames, people, none, "posetrack18", {"note": 1})


def test_ap_has_every_pose_of_the_listed_frames_in_their_order() -> None:
    found = ap_submission(
        truth(2, 0, 2), raw(poses(POSETRACK_15, 0.9), poses(POSETRACK_15), poses(POSETRACK_15, 0.2, 0.01))
    )
    assert [(frame.image_id, people.scores.tolist()) for frame, people in found] == [
        (1002, [0.2, 0.01]),
        (1000, [0.9]),
        (1002, [0.2, 0.01]),
    ]
    assert (found.name, found.layout, found.more) == ("a", "posetrack18", {"note": 1})
    assert found.frames[0].more == {"vid_id": "1"}


def test_a_joint_scores_its_own_times_the_persons() -> None:
    found = ap_submission(truth(0), raw(poses(POSETRACK_15, 0.8, joint_score=0.25)))
    assert found.people.joint_scores.tolist() == [[0.2] * 15]
    assert found.people.scores.tolist() == [0.8]


def test_nobody_anywhere() -> None:
    made = ap_submission(truth(0), raw(poses(POSETRACK_15)))
    assert len(made.people) == 0
    assert len(without_joints(made, 0.5).people) == 0


def test_unsure_people_are_let_go_before_linking() -> None:
    # the person of the second frame would have gone on as the first one's track
    found = raw(poses(POSETRACK_15, 0.9), poses(POSETRACK_15, 0.29), poses(POSETRACK_15, 0.3))
    assert ids(link(found, TRACKER, 0.3)) == [[1], [], [1]]
    assert ids(link(found, TRACKER, 0)) == [[1], [1], [1]]
    assert ids(link(found, TRACKER.model_copy(update={"buffer_seconds": 0}), 0.3)) == [[1], [], [2]]


@pytest.mark.parametrize(("threshold", "kept"), [(0.0, 15), (0.35, 15), (0.3501, 7), (0.6, 7), (0.61, 0)])
def test_unsure_joints_go_afterwards_by_their_own_score(threshold: float, kept: int) -> None:
    one = poses(POSETRACK_15, 0.5, joint_score=0.35)
    one.joint_scores[0, :7] = 0.6
    sequence = as_sequence(truth(0), raw(one))
    left = without_joints(sequence, threshold).people
    assert len(left) == (kept > 0)
    assert left.has_joint.sum() == kept
    assert set(left.joint_scores[left.has_joint].tolist()) <= {0.3, 0.175}
    assert np.isnan(left.joint_scores[~left.has_joint]).all()


def test_a_joint_with_score_0_is_never_there() -> None:
    one = poses(POSETRACK_15, 0.5)
    one.joint_scores[0, 3] = 0
    found = ap_submission(truth(0), raw(one)).people
    assert np.flatnonzero(~found.has_joint[0]).tolist() == [3]


def test_joints_of_coco_become_those_of_posetrack() -> None:
    found = ap_submission(truth(0), raw(poses(COCO_17, 0.8)))
    assert found.skeleton == POSETRACK_15
    neck = found.people.joints[0, POSETRACK_15.index("head_bottom")]
    shoulders = [COCO_17.index("left_shoulder"), COCO_17.index("right_shoulder")]
    assert neck.tolist() == [np.mean(shoulders), 2 * np.mean(shoulders)]
    assert found.people.has_joint.all()
