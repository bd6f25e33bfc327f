"""Dropping joints with low scores, from the poses of a stage and from the annotations of a file."""

import numpy as np
import pytest

from pose_track.postprocessing.low_joints import drop_low_joints, is_low_joint
from pose_track.structures.frames import Poses
from pose_track.structures.sequence import PoseAnnotations
from pose_track.structures.skeleton import LSP_14

SCORES = np.linspace(0, 1.3, 14)[None]  # 0, 0.1, 0.2, ..., 1.3, as COCO results may have


@pytest.mark.parametrize(("min_joint_score", "num_low"), [(0, 0), (0.3, 3), (0.31, 4), (1, 10)])
def test_a_score_at_the_limit_is_not_low(min_joint_score, num_low):
    annotations = PoseAnnotations.from_joints(np.ones((1, 14, 2)), SCORES)
    poses = Poses(np.ones((1, 14, 2)), SCORES.clip(0, 1), np.zeros((1, 4)), np.ones(1), LSP_14)
    for people in (annotations, poses):
        assert is_low_joint(people, min_joint_score)[0].tolist() == [True] * num_low + [False] * (14 - num_low)


def test_a_joint_without_a_score_stays_and_a_negative_score_counts_as_0():
    annotations = PoseAnnotations.from_joints(np.ones((1, 2, 2)), np.array([[np.nan, -0.5]]))
    assert is_low_joint(annotations, 0).tolist() == [[False, False]]
    assert is_low_joint(annotations, 0.01).tolist() == [[False, True]]


def test_a_low_joint_of_annotations_becomes_nan():
    annotations = PoseAnnotations.from_joints(np.ones((1, 14, 2)), SCORES)
    result = drop_low_joints(annotations, 0.3)
    assert np.isnan(result.joints[0, :3]).all()
    assert np.isnan(result.joint_scores[0, :3]).all()
    np.testing.assert_array_equal(result.joints[0, 3:], 1)
    np.testing.assert_array_equal(result.joint_scores[0, 3:], SCORES[0, 3:])
    assert annotations.has_joint.all()


def test_a_low_joint_of_poses_becomes_0():
    poses = Poses(np.ones((1, 14, 2)), SCORES.clip(0, 1), np.zeros((1, 4)), np.ones(1), LSP_14)
    result = drop_low_joints(poses, 0.3)
    assert (result.joints[0, :3] == 0).all()
    assert (result.joint_scores[0, :3] == 0).all()
    assert (result.joints[0, 3:] == 1).all()
    assert result.joint_scores.dtype == np.float32
