"""Tracked poses as the prediction for a ground-truth sequence."""

from __future__ import annotations

import numpy as np
import pytest

from pose_track.formats.prediction_sequence import prediction_sequence
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import COCO_17, POSETRACK18_17, POSETRACK_15


def gt(num_frames: int) -> PoseSequence:
    region = np.array([[0.0, 0.0], [9.0, 0.0], [9.0, 9.0]])
    frames = tuple(FrameInfo(i, f"{i}.jpg", 10 + i, ignore_regions=(region,)) for i in range(num_frames))
    people, none = PoseAnnotations.empty(POSETRACK18_17), np.zeros(0, np.int64)
    return PoseSequence("a", POSETRACK18_17, frames, people, none, "posetrack18", {"note": 1})


def tracked(num: int) -> TrackedPoses:
    joints, joint_scores = np.full((num, 17, 2), 1.23456), np.full((num, 17), 0.123456)
    joint_scores[:, 0] = 0
    poses = Poses(joints, joint_scores, np.full((num, 4), 7.891), np.full(num, 0.54321), COCO_17)  # type: ignore[arg-type]
    return TrackedPoses(0, 0.0, poses, np.arange(1, num + 1))


def test_the_prediction_has_the_frames_of_the_ground_truth_and_the_tracked_poses() -> None:
    prediction = prediction_sequence(gt(3), [tracked(2), tracked(0), tracked(1)])
    assert (prediction.name, prediction.layout, prediction.extra) == ("a", "posetrack18", {"note": 1})
    assert [(f.image_name, f.image_id, f.ignore_regions) for f in prediction.frames] == [
        ("0.jpg", 10, ()),
        ("1.jpg", 11, ()),
        ("2.jpg", 12, ()),
    ]
    assert prediction.skeleton is COCO_17
    assert prediction.frame_indices.tolist() == [0, 0, 2]
    people = prediction.people
    assert people.track_ids.tolist() == [1, 2, 1]
    assert people.joints[0, 1].tolist() == [1.23, 1.23]
    assert people.joint_scores[0, 1] == 0.1235
    assert people.scores.tolist() == [0.5432] * 3
    assert people.boxes[0].tolist() == [7.89] * 4
    assert people.has_joint.sum(axis=1).tolist() == [16, 16, 16]


def test_the_prediction_has_the_chosen_skeleton() -> None:
    prediction = prediction_sequence(gt(1), [tracked(1)], POSETRACK_15)
    assert prediction.skeleton is POSETRACK_15
    assert prediction.people.has_joint.sum() == 13  # no nose, thus no head top


@pytest.mark.parametrize("num_frames", [0, 1])
def test_no_people(num_frames: int) -> None:
    prediction = prediction_sequence(gt(num_frames), [tracked(0)] * num_frames)
    assert (len(prediction), len(prediction.people)) == (num_frames, 0)


def test_another_number_of_frames_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a: .* 2 frames, got 1"):
        prediction_sequence(gt(2), [tracked(1)])
