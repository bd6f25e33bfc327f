from dataclasses import replace

import numpy as np
import pytest

from pose_track.skeleton import COCO_17, Skeleton
from pose_track.track.similarity import iou_similarity, oks_similarity
from pose_track.types import Poses

ONE_JOINT = Skeleton("one", ("left_hip",))
HIP = 0.107


def hips(*points, score=0.9, side=100.0):
    """People of one joint in a square box of `side` about it."""
    joints = np.array(points, np.float32).reshape(-1, 1, 2)
    half = np.array([side, side]) / 2
    boxes = np.concatenate([joints[:, 0] - half, joints[:, 0] + half], axis=1)
    return Poses(joints, np.full((len(joints), 1), score), boxes, np.ones(len(joints)), ONE_JOINT)


@pytest.mark.parametrize(("a", "b"), [(0, 0), (0, 2), (3, 0), (3, 2)])
def test_shape(a, b):
    first, second = hips(*[(0, 0)] * a), hips(*[(0, 0)] * b)
    for similarity in (oks_similarity(), iou_similarity):
        assert similarity(first, second).shape == (a, b)


def test_oks_follows_its_formula_with_the_widened_sigma_and_the_box_area():
    similarity = oks_similarity(widening=3)(hips((0, 0)), hips((60, 0), (0, 80)))
    spread = 2 * (2 * 3 * HIP) ** 2 * 100**2
    np.testing.assert_allclose(similarity, np.exp([[-(60**2) / spread, -(80**2) / spread]]), rtol=1e-6)


def test_area_is_the_mean_of_both_boxes():
    similarity = oks_similarity(widening=1)(hips((0, 0), side=100), hips((20, 0), side=50))
    area = (100**2 + 50**2) / 2
    np.testing.assert_allclose(similarity, np.exp([[-(20**2) / (2 * area * (2 * HIP) ** 2)]]), rtol=1e-6)


def test_widening_keeps_a_person_who_moved_by_a_part_of_their_size():
    here, there = hips((0, 0)), hips((50, 0))
    assert oks_similarity(widening=1)(here, there)[0, 0] < 0.1
    assert oks_similarity()(here, there)[0, 0] > 0.7


def test_without_a_joint_sure_in_both_the_boxes_are_compared():
    sure, unsure = hips((0, 0), (500, 0)), hips((0, 50), score=0.2)
    np.testing.assert_allclose(oks_similarity(min_joint_score=0.2)(sure, unsure), [[1 / 3], [0]])
    assert oks_similarity(min_joint_score=0.1)(sure, unsure)[0, 0] > 0.7  # now the joint counts


def test_only_joints_sure_in_both_count():
    rng = np.random.default_rng(3)
    joints = rng.uniform(0, 100, (1, 17, 2))
    a = Poses(joints, np.full((1, 17), 0.9), np.array([[0, 0, 100, 100]]), np.ones(1), COCO_17)
    wrong = joints.copy()
    wrong[0, 9] += 1000
    scores = np.full((1, 17), 0.9)
    scores[0, 9] = 0.1
    assert oks_similarity()(a, replace(a, joints=wrong))[0, 0] == pytest.approx(16 / 17)
    assert oks_similarity()(a, replace(a, joints=wrong, joint_scores=scores))[0, 0] == pytest.approx(1)
    assert oks_similarity()(replace(a, joints=wrong, joint_scores=scores), a)[0, 0] == pytest.approx(1)


def test_iou_is_that_of_the_boxes():
    np.testing.assert_allclose(iou_similarity(hips((0, 0), (1000, 0)), hips((50, 0))), [[1 / 3], [0]])


@pytest.mark.parametrize("widening", [0, -1, float("nan")])
def test_widening_must_be_positive(widening):
    with pytest.raises(ValueError, match="widening must be positive"):
        oks_similarity(widening=widening)
