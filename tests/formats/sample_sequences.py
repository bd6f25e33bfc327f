"""Sequences for the tests of formats."""

import numpy as np

from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import COCO_17

POSITIONS = {"nose": (10.5, 20), "left_shoulder": (30, 40), "right_shoulder": (10, 42), "right_hip": (11.25, 80)}
SCORES = {"nose": 0.9, "left_shoulder": 0.5, "right_shoulder": 0.75, "right_hip": 0.25}


def some_joints(skeleton=COCO_17):
    """(1, K, 2) and (1, K): one person with the joints of POSITIONS."""
    joints, scores = np.full((1, skeleton.num_joints, 2), np.nan), np.full((1, skeleton.num_joints), np.nan)
    for name, position in POSITIONS.items():
        joints[0, skeleton.index(name)], scores[0, skeleton.index(name)] = position, SCORES[name]
    return joints, scores


def concatenated(*people):
    return PoseAnnotations(
        *(np.concatenate([getattr(p, name) for p in people]) for name in PoseAnnotations.__dataclass_fields__)
    )


def three_frames(skeleton=COCO_17, name="clip"):
    """Frame 0: a person with id, box and score, and one with joints only. Frame 1: nobody. Frame 2: a person with only
    an id, in an image with a name."""
    joints, scores = some_joints(skeleton)
    box = np.array([[5.0, 6, 35, 90]])
    complete = PoseAnnotations.from_joints(joints, scores, scores=np.array([0.8]), boxes=box, track_ids=np.array([3]))
    joints_only = PoseAnnotations.from_joints(joints + 100)
    id_only = PoseAnnotations.from_joints(np.full_like(joints, np.nan), track_ids=np.array([4]))
    frames = (FrameInfo(0, pts_seconds=0.0), FrameInfo(1, pts_seconds=0.04), FrameInfo(2, "images/x/000002.jpg"))
    return PoseSequence(name, skeleton, frames, concatenated(complete, joints_only, id_only), np.array([0, 0, 2]))


def triples(skeleton=COCO_17, shift=0.0, with_scores=True):
    """x y score of the first person of `three_frames`, flat; shifted and without scores, of the second."""
    values = [0.0] * (3 * skeleton.num_joints)
    for name, (x, y) in POSITIONS.items():
        k = 3 * skeleton.index(name)
        values[k : k + 3] = [x + shift, y + shift, SCORES[name] if with_scores else 1]
    return values


def assert_same(a, b):
    """The people of two sequences are equal, to the last digit."""
    assert a.skeleton == b.skeleton
    np.testing.assert_array_equal(a.frame_indices, b.frame_indices)
    for name in ("joints", "joint_scores", "flags", "scores", "boxes", "head_boxes", "track_ids"):
        np.testing.assert_array_equal(getattr(a.people, name), getattr(b.people, name), err_msg=name)
    assert [dict(m) for m in a.people.extra] == [dict(m) for m in b.people.extra]
