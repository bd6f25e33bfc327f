"""The arrays between the stages: shapes, dtypes and selection."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pose_track.structures.frames import Detections, Frame, Poses, TrackedPoses, concatenate
from pose_track.structures.skeleton import LSP_14, POSETRACK_15


def make_poses(num: int) -> Poses:
    k = POSETRACK_15.num_joints
    joints = np.arange(num * k * 2).reshape(num, k, 2)
    boxes = np.arange(num * 4).reshape(num, 4)
    return Poses(joints, np.full((num, k), 0.5), boxes, np.linspace(0, 1, num), POSETRACK_15)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Detections.empty(), 0),
        (lambda: Detections([], []), 0),  # empty lists  # type: ignore[arg-type]
        (lambda: Poses.empty(LSP_14), 0),
        (lambda: Detections([[0, 0, 1, 1]], [1]), 1),  # another dtype  # type: ignore[arg-type]
        (lambda: TrackedPoses(3, 0.1, make_poses(2), [2, 1]), 2),  # type: ignore[arg-type]
    ],
)
def test_length_is_the_number_of_people(make: Any, expected: int) -> None:
    assert len(make()) == expected


def test_a_skeleton_name_is_no_skeleton() -> None:
    with pytest.raises(TypeError, match=r"SKELETONS.*got 'coco_17'"):
        Poses(np.zeros((1, 17, 2)), np.ones((1, 17)), np.ones((1, 4)), np.ones(1), "coco_17")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Detections(np.zeros((2, 5)), np.zeros(2)), r"boxes .*'any', 4\), got \(2, 5\)"),
        (lambda: Detections(np.zeros((5, 0)), np.zeros(5)), r"boxes .* got \(5, 0\)"),  # not empty
        (lambda: Detections(np.zeros((2, 4)), np.zeros(3)), r"scores .*\(2,\), got \(3,\)"),
        (lambda: Detections(np.zeros((1, 4)), np.zeros(1), ["guess"]), "sources .*detector.*'guess'"),
        (lambda: Detections([["a"] * 4], [1.0]), "boxes .*float32.*str"),
        (lambda: Poses(np.zeros((1, 14, 2)), [], [], [], POSETRACK_15), r"joints .*15, 2\), got \(1, 14, 2\)"),
        (lambda: replace(make_poses(2), features=np.zeros((2, 14, 8))), r"features .*15, 'any'\), got \(2, 14, 8\)"),
        (lambda: replace(make_poses(2), features=np.zeros((1, 15, 8))), r"features .*\(2, 15, 'any'\), got"),
        (
            lambda: replace(make_poses(2), second_peaks=np.zeros((2, 15, 2))),
            r"second_peaks .*15, 3\), got \(2, 15, 2\)",
        ),
        (lambda: Frame(0, 0.0, np.zeros((4, 4), np.uint8)), r"image .* got \(4, 4\)"),
        (lambda: Frame(0, 0.0, np.zeros((4, 4, 3))), "image .*uint8.*float64"),  # not cast to all black
        (lambda: TrackedPoses(0, 0.0, make_poses(2), np.array([1, 1])), "unique"),
        (lambda: TrackedPoses(0, 0.0, make_poses(2), np.array([1, 0])), "at least 1"),
        (lambda: TrackedPoses(0, 0.0, make_poses(1), np.array([1.5])), "track_ids .*int64.*float64"),
    ],
)
def test_wrong_arrays_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_selection_keeps_the_arrays_parallel() -> None:
    poses = make_poses(3)
    chosen = poses[np.array([True, False, True])]
    assert chosen.scores.tolist() == [0.0, 1.0]
    assert chosen.boxes.tolist() == poses.boxes[[0, 2]].tolist()
    assert chosen.joints.tolist() == poses.joints[[0, 2]].tolist()
    boxes = Detections(poses.boxes, poses.scores, ["filled", "flow", "recorded"])  # type: ignore[arg-type]
    assert boxes[np.array([2, 0])].sources.tolist() == ["recorded", "filled"]  # type: ignore[union-attr]


def test_features_are_optional_and_selected_with_the_people() -> None:
    assert make_poses(3)[np.array([1])].features is None
    features = np.arange(3 * 15 * 2).reshape(3, 15, 2)
    poses = replace(make_poses(3), features=features)  # type: ignore[arg-type]
    chosen = poses[np.array([2, 0])].features
    assert chosen is not None
    assert chosen.dtype == np.float32
    np.testing.assert_array_equal(chosen, features[[2, 0]])


def test_arrays_have_the_stated_types() -> None:
    poses = make_poses(1)
    assert {a.dtype for a in (poses.joints, poses.joint_scores, poses.boxes, poses.scores)} == {np.dtype(np.float32)}
    assert TrackedPoses(0, 0.0, poses, [1]).track_ids.dtype == np.int64  # type: ignore[arg-type]
    assert poses.sources is not None
    assert poses.sources.tolist() == ["detector"]


def test_concatenate() -> None:
    some = Detections([[0, 0, 1, 1], [2, 2, 3, 3]], [0.5, 0.25], ["flow", "recorded"])  # type: ignore[arg-type]
    more = Detections([[9, 9, 10, 10]], [0.75])  # type: ignore[arg-type]
    both = concatenate(some, more)
    assert (both.boxes[:, 0].tolist(), both.scores.tolist()) == ([0, 2, 9], [0.5, 0.25, 0.75])
    assert both.sources is not None
    assert both.sources.tolist() == ["flow", "recorded", "detector"]
    for one in (concatenate(some, Detections.empty()), concatenate(Detections.empty(), some)):
        assert one.boxes.tolist() == some.boxes.tolist()
        assert one.sources is not None
        assert one.sources.tolist() == ["flow", "recorded"]
    assert len(concatenate(Detections.empty(), Detections.empty())) == 0
