import numpy as np
import pytest

from pose_track.formats.joints import convert_poses
from pose_track.skeleton import COCO_17, LSP_14, MPII_16, POSETRACK18_17, POSETRACK_15, SKELETONS
from pose_track.types import Poses


def people(skeleton, count=3, seed=0):
    rng = np.random.default_rng(seed)
    k = skeleton.num_joints
    boxes = rng.uniform(0, 50, (count, 4))
    sources = np.array(["detector", "flow", "recorded"])[np.arange(count) % 3]
    scores = rng.uniform(0.1, 1, (count, k))
    return Poses(rng.uniform(0, 400, (count, k, 2)), scores, boxes, rng.uniform(0, 1, count), skeleton, sources)


@pytest.mark.parametrize("source", SKELETONS.values(), ids=SKELETONS)
@pytest.mark.parametrize("target", SKELETONS.values(), ids=SKELETONS)
def test_joints_of_the_same_name_are_the_same_and_the_rest_of_a_person_stays(source, target):
    poses = people(source)
    converted = convert_poses(poses, target)
    assert converted.skeleton == target
    derived = {"head_bottom", "head_top"} - set(source.joint_names)
    for k, name in enumerate(target.joint_names):
        if name in source.joint_names:
            np.testing.assert_array_equal(converted.joints[:, k], poses.joints[:, source.index(name)])
            np.testing.assert_array_equal(converted.joint_scores[:, k], poses.joint_scores[:, source.index(name)])
        elif name not in derived:
            assert (converted.joint_scores[:, k] == 0).all()
    np.testing.assert_array_equal(converted.boxes, poses.boxes)
    np.testing.assert_array_equal(converted.scores, poses.scores)
    assert converted.sources.tolist() == poses.sources.tolist()


@pytest.mark.parametrize("target", [POSETRACK_15, POSETRACK18_17])
@pytest.mark.parametrize("count", [0, 1, 4])
def test_coco_gets_neck_and_head_top_by_the_rule(target, count):
    poses = people(COCO_17, count)
    left, right = (poses.joints[:, COCO_17.index(f"{side}_shoulder")] for side in ("left", "right"))
    scores = poses.joint_scores[:, [COCO_17.index("left_shoulder"), COCO_17.index("right_shoulder")]].mean(axis=1)
    neck = (left + right) / 2
    head_top = 2 * poses.joints[:, COCO_17.index("nose")] - neck
    converted = convert_poses(poses, target)
    for name, position in (("head_bottom", neck), ("head_top", head_top)):
        np.testing.assert_allclose(converted.joints[:, target.index(name)], position, rtol=1e-5)
        np.testing.assert_allclose(converted.joint_scores[:, target.index(name)], scores, rtol=1e-6)


@pytest.mark.parametrize(
    ("absent", "neck", "head_top"),
    [
        ("left_shoulder", False, False),
        ("right_shoulder", False, False),
        ("nose", True, False),
        ("left_eye", True, True),
    ],
)
def test_what_follows_from_an_absent_joint_is_absent(absent, neck, head_top):
    poses = people(COCO_17)
    poses.joint_scores[1, COCO_17.index(absent)] = 0
    scores = convert_poses(poses, POSETRACK_15).joint_scores
    at = [POSETRACK_15.index("head_bottom"), POSETRACK_15.index("head_top")]
    assert (scores[1, at] > 0).tolist() == [neck, head_top]
    assert (scores[[0, 2]][:, at] > 0).all()


@pytest.mark.parametrize("source", [POSETRACK_15, MPII_16, LSP_14])
def test_a_predicted_head_is_never_overwritten(source):
    poses = people(source)
    poses.joint_scores[0, source.index("head_top")] = 0
    converted = convert_poses(poses, POSETRACK18_17)
    for name in ("head_bottom", "head_top"):
        at, of = POSETRACK18_17.index(name), source.index(name)
        np.testing.assert_array_equal(converted.joints[:, at], poses.joints[:, of])
        np.testing.assert_array_equal(converted.joint_scores[:, at], poses.joint_scores[:, of])


def test_there_and_back_loses_nothing_both_have():
    poses = people(POSETRACK_15)
    back = convert_poses(convert_poses(poses, POSETRACK18_17), POSETRACK_15)
    np.testing.assert_array_equal(back.joints, poses.joints)
    np.testing.assert_array_equal(back.joint_scores, poses.joint_scores)
