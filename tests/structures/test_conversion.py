import numpy as np
import pytest

from pose_track.structures.conversion import check_convertible, convert_annotations, convert_poses, is_convertible
from pose_track.structures.frames import Poses
from pose_track.structures.sequence import PoseAnnotations
from pose_track.structures.skeleton import COCO_17, LSP_14, MPII_16, POSETRACK18_17, POSETRACK_15, SKELETONS, Skeleton


def random_poses(skeleton, count=3, seed=0):
    rng = np.random.default_rng(seed)
    k = skeleton.num_joints
    boxes = rng.uniform(0, 50, (count, 4))
    sources = np.array(["detector", "flow", "recorded"])[np.arange(count) % 3]
    scores = rng.uniform(0.1, 1, (count, k))
    joints, features = rng.uniform(0, 400, (count, k, 2)), rng.uniform(0, 1, (count, k, 4))
    second_peaks = rng.uniform(0, 1, (count, k, 3))
    return Poses(joints, scores, boxes, rng.uniform(0, 1, count), skeleton, sources, features, second_peaks)


@pytest.mark.parametrize("source", SKELETONS.values(), ids=SKELETONS)
@pytest.mark.parametrize("target", SKELETONS.values(), ids=SKELETONS)
def test_shared_joints_and_all_other_fields_are_unchanged(source, target):
    poses = random_poses(source)
    converted = convert_poses(poses, target)
    assert converted.skeleton == target
    derived = {"head_bottom", "head_top"} - set(source.joint_names)
    for k, name in enumerate(target.joint_names):
        if name in source.joint_names:
            np.testing.assert_array_equal(converted.joints[:, k], poses.joints[:, source.index(name)])
            np.testing.assert_array_equal(converted.joint_scores[:, k], poses.joint_scores[:, source.index(name)])
            np.testing.assert_array_equal(converted.features[:, k], poses.features[:, source.index(name)])
            np.testing.assert_array_equal(converted.second_peaks[:, k], poses.second_peaks[:, source.index(name)])
            continue
        assert (converted.features[:, k] == 0).all()
        assert (converted.second_peaks[:, k] == 0).all()
        if name not in derived:
            assert (converted.joint_scores[:, k] == 0).all()
    np.testing.assert_array_equal(converted.boxes, poses.boxes)
    np.testing.assert_array_equal(converted.scores, poses.scores)
    assert converted.sources.tolist() == poses.sources.tolist()


@pytest.mark.parametrize("target", [POSETRACK_15, POSETRACK18_17])
@pytest.mark.parametrize("count", [0, 1, 4])
def test_coco_gets_derived_neck_and_head_top(target, count):
    poses = random_poses(COCO_17, count)
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
def test_a_joint_derived_from_an_absent_joint_is_absent(absent, neck, head_top):
    poses = random_poses(COCO_17)
    poses.joint_scores[1, COCO_17.index(absent)] = 0
    scores = convert_poses(poses, POSETRACK_15).joint_scores
    at = [POSETRACK_15.index("head_bottom"), POSETRACK_15.index("head_top")]
    assert (scores[1, at] > 0).tolist() == [neck, head_top]
    assert (scores[[0, 2]][:, at] > 0).all()


@pytest.mark.parametrize("source", [POSETRACK_15, MPII_16, LSP_14])
def test_a_predicted_head_is_never_overwritten(source):
    poses = random_poses(source)
    poses.joint_scores[0, source.index("head_top")] = 0
    converted = convert_poses(poses, POSETRACK18_17)
    for name in ("head_bottom", "head_top"):
        at, of = POSETRACK18_17.index(name), source.index(name)
        np.testing.assert_array_equal(converted.joints[:, at], poses.joints[:, of])
        np.testing.assert_array_equal(converted.joint_scores[:, at], poses.joint_scores[:, of])


def test_a_round_trip_keeps_the_shared_joints():
    poses = random_poses(POSETRACK_15)
    back = convert_poses(convert_poses(poses, POSETRACK18_17), POSETRACK_15)
    np.testing.assert_array_equal(back.joints, poses.joints)
    np.testing.assert_array_equal(back.joint_scores, poses.joint_scores)


def random_annotations(skeleton, count=3, seed=0):
    """People as read from a file; one joint of the second person is absent."""
    rng = np.random.default_rng(seed)
    k = skeleton.num_joints
    joints, scores = rng.uniform(0, 400, (count, k, 2)), rng.uniform(0, 9, (count, k))
    more = np.array([{"n": n} for n in range(count)], object)
    joints[1:2, k // 2] = np.nan
    flags = rng.integers(0, 2, (count, k)).astype(np.int8)
    return PoseAnnotations.from_joints(
        joints, scores, flags, rng.uniform(0, 9, count), track_ids=np.arange(count), extra=more
    )


@pytest.mark.parametrize("source", SKELETONS.values(), ids=SKELETONS)
@pytest.mark.parametrize("target", SKELETONS.values(), ids=SKELETONS)
def test_annotations_keep_shared_joints_exactly(source, target):
    people = random_annotations(source)
    converted = convert_annotations(people, source, target)
    assert converted.joints.dtype == converted.joint_scores.dtype == np.float64
    for k, name in enumerate(target.joint_names):
        if name in source.joint_names:
            of = source.index(name)
            np.testing.assert_array_equal(converted.joints[:, k], people.joints[:, of])
            np.testing.assert_array_equal(converted.joint_scores[:, k], people.joint_scores[:, of])
            np.testing.assert_array_equal(converted.flags[:, k], people.flags[:, of])
        else:
            assert (converted.flags[:, k] == -1).all()
            assert name in ("head_bottom", "head_top") or not converted.has_joint[:, k].any()
    for name in ("scores", "boxes", "track_ids", "extra"):
        np.testing.assert_array_equal(getattr(converted, name), getattr(people, name))
    assert (converted is people) == (source == target)


def test_annotations_and_poses_get_the_same_neck_and_head_top():
    poses = random_poses(COCO_17)
    poses.joint_scores[1, COCO_17.index("left_shoulder")] = 0
    joints = np.where(poses.joint_scores[..., None] > 0, poses.joints, np.nan).astype(float)
    converted = convert_annotations(
        PoseAnnotations.from_joints(joints, poses.joint_scores.astype(float)), COCO_17, POSETRACK_15
    )
    expected = convert_poses(poses, POSETRACK_15)
    present = expected.joint_scores > 0
    np.testing.assert_array_equal(converted.has_joint, present)
    np.testing.assert_allclose(converted.joints[present], expected.joints[present], rtol=1e-5)
    np.testing.assert_allclose(converted.joint_scores[present], expected.joint_scores[present], rtol=1e-6)


def test_a_neck_between_shoulders_without_scores_has_no_score():
    some = random_annotations(COCO_17)
    some.joint_scores[0, COCO_17.index("left_shoulder")] = np.nan
    neck = POSETRACK_15.index("head_bottom")
    converted = convert_annotations(some, COCO_17, POSETRACK_15)
    assert np.isnan(converted.joint_scores[:, neck]).tolist() == [True, False, False]
    assert converted.has_joint[:, neck].all()


def test_an_absent_head_top_stays_absent_if_the_source_skeleton_has_it():
    some = random_annotations(POSETRACK_15)
    some.joints[:, POSETRACK_15.index("head_top")] = np.nan
    converted = convert_annotations(some, POSETRACK_15, POSETRACK18_17)
    assert not converted.has_joint[:, POSETRACK18_17.index("head_top")].any()
    assert converted.has_joint[:, POSETRACK18_17.index("head_bottom")].all()


def test_layouts_hold_only_skeletons_that_share_joints():
    assert all(is_convertible(a, b) for a in SKELETONS.values() for b in SKELETONS.values())
    upper_body = Skeleton("upper", ("nose", "left_shoulder", "right_shoulder"))
    assert is_convertible(upper_body, POSETRACK_15)
    horse = Skeleton("horse", ("nose", "withers", "croup", "tail"))
    assert not is_convertible(horse, POSETRACK_15)
    with pytest.raises(ValueError, match=r"some layout.*posetrack_15.*horse"):
        check_convertible(horse, POSETRACK_15, "some layout")
