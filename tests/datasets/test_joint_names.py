from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_track.datasets.joint_names import JointMap
from pose_track.structures.joint_names import joint_name, match_joints
from pose_track.structures.skeleton import COCO_17, LSP_14, MPII_16, POSETRACK_15, SKELETONS, Skeleton

FILE = Path("annotations.json")


@pytest.mark.parametrize("name", sorted({n for s in SKELETONS.values() for n in s.joint_names}))
def test_package_names_are_unchanged(name: str) -> None:
    assert joint_name(name) == name
    assert joint_name(name.replace("_", " ").title()) == name


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("neck", "head_bottom"),
        ("upper_neck", "head_bottom"),
        ("head", "head_top"),
        ("top_head", "head_top"),
        ("headtop", "head_top"),
        ("thorax", "thorax"),
        ("l_shoulder", "left_shoulder"),
        ("rankle", "right_ankle"),
        ("left-eye", "left_eye"),
        ("left_big_toe", "left_big_toe"),  # of no skeleton here
    ],
)
def test_spellings_in_use(spelling: str, name: str) -> None:
    assert joint_name(spelling) == name


@given(st.permutations(POSETRACK_15.joint_names), st.sampled_from([COCO_17, MPII_16, LSP_14, POSETRACK_15]))
def test_joints_are_mapped_by_name(names: list[str], skeleton: Skeleton) -> None:
    joints, visibility = np.arange(30.0).reshape(15, 2), np.arange(15) % 3
    converted = JointMap(names, skeleton, FILE).convert(joints, visibility)
    assert converted is not None
    for k, name in enumerate(skeleton.joint_names):
        flag = visibility[names.index(name)] if name in names else 0
        assert converted[1][k] == flag
        assert converted[0][k].tolist() == (joints[names.index(name)].tolist() if flag else [0, 0])


def test_own_spelling_wins() -> None:
    names = ["neck", "head_bottom", "head", "top_head"]
    converted = JointMap(names, LSP_14, FILE).convert(np.arange(8.0).reshape(4, 2), np.full(4, 2))
    assert converted is not None
    assert converted[0][LSP_14.index("head_bottom")].tolist() == [2, 3]
    assert converted[0][LSP_14.index("head_top")].tolist() == [4, 5]  # the first of two other spellings


def test_none_without_a_labelled_joint() -> None:
    joints = JointMap(["tail", "neck"], LSP_14, FILE)
    assert joints.convert(np.full((2, 2), np.nan), np.array([2, 0])) is None
    with pytest.raises(ValueError, match=r"\[nan, 3.0\]"):
        joints.convert(np.array([[0, 0], [np.nan, 3]]), np.array([0, 1]))


def test_file_without_known_joints() -> None:
    with pytest.raises(ValueError, match=r"annotations\.json .*lsp_14.*tail"):
        JointMap(["tail"], LSP_14, FILE)


HORSE = Skeleton("horse", ("neck", "L_hoof", "R_hoof", "tail"))


def test_joints_of_ones_own_skeleton_are_matched_in_any_spelling() -> None:
    """A user's "neck" is its own joint, though elsewhere it is a spelling of head_bottom."""
    names = ["left hoof", "rhoof", "Tail", "neck", "mane"]
    converted = JointMap(names, HORSE, FILE).convert(np.arange(10.0).reshape(5, 2), np.full(5, 2))
    assert converted is not None
    assert converted[0].tolist() == [[6, 7], [0, 1], [2, 3], [4, 5]]
    assert match_joints(HORSE.joint_names, POSETRACK_15.joint_names) == {0: POSETRACK_15.index("head_bottom")}


def test_differences_are_listed_both_ways(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    JointMap(["tail", "neck", "mane"], HORSE, FILE).log_differences()
    only_file, only_skeleton = caplog.messages
    assert "mane" in only_file
    assert "tail" not in only_file
    assert "L_hoof, R_hoof" in only_skeleton
    assert all(FILE.name in line and "horse" in line for line in caplog.messages)
    caplog.clear()
    JointMap(LSP_14.joint_names, LSP_14, FILE).log_differences()
    assert not caplog.messages
