from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from pose_track.datasets.lsp import load_lsp_people
from pose_track.structures.skeleton import COCO_17, LSP_14

JOINTS = np.random.default_rng(1).uniform(10, 110, (3, 14, 2)).round(2)  # of three people, pixels from 1


def write(path: Path, joints: Any, flags: Any = None, name: str = "joints") -> Path:
    """joints (N, 14, 2), flags (N, 14) -> joints.mat in the layout of the extended set, (14, 3, N)."""
    rows = joints if flags is None else np.concatenate([joints, flags[..., None]], axis=-1).transpose(1, 2, 0)
    savemat(path / "joints.mat", {name: rows}, do_compression=True)
    return path / "joints.mat"


def test_the_extended_set_flags_what_is_labelled(tmp_path: Path) -> None:
    flags = np.ones((3, 14))
    flags[1, 4:] = 0
    people = load_lsp_people(write(tmp_path, JOINTS, flags), LSP_14)
    assert [p.file_name for p in people] == ["im00001.jpg", "im00002.jpg", "im00003.jpg"]
    assert people[1].visibility.tolist() == [2] * 4 + [0] * 10
    np.testing.assert_allclose(people[1].joints[:4], JOINTS[1, :4] - 1)
    assert (people[1].joints[4:] == 0).all()


def test_the_first_set_flags_what_is_hidden(tmp_path: Path) -> None:
    flags = np.zeros((3, 14))
    flags[2, :2] = 1
    rows = np.concatenate([JOINTS, flags[..., None]], axis=-1).transpose(2, 1, 0)  # (3, 14, N)
    people = load_lsp_people(write(tmp_path, rows), LSP_14)
    assert [p.file_name for p in people] == ["im0001.jpg", "im0002.jpg", "im0003.jpg"]
    assert people[2].visibility.tolist() == [1, 1] + [2] * 12
    np.testing.assert_allclose(people[2].joints, JOINTS[2] - 1)


def test_box_is_the_enlarged_extent_of_labelled_joints(tmp_path: Path) -> None:
    flags = np.zeros((1, 14))
    flags[0, :2] = 1
    joints = JOINTS[:1].copy()
    joints[0, :2] = [[11, 21], [111, 221]]
    (person,) = load_lsp_people(write(tmp_path, joints, flags), LSP_14)
    assert person.box.tolist() == [10 - 7.5, 20 - 15, 110 + 7.5, 220 + 15]  # not clipped to the image


def test_a_box_counts_joints_that_the_skeleton_lacks(tmp_path: Path) -> None:
    file = write(tmp_path, JOINTS[:1], np.ones((1, 14)))
    (other,), (own,) = load_lsp_people(file, COCO_17), load_lsp_people(file, LSP_14)
    assert other.box.tolist() == own.box.tolist()
    np.testing.assert_array_equal(other.joints[COCO_17.index("left_knee")], own.joints[LSP_14.index("left_knee")])
    assert other.visibility[COCO_17.index("nose")] == 0


def test_single_image(tmp_path: Path) -> None:
    """MATLAB drops a last dimension of 1."""
    (person,) = load_lsp_people(write(tmp_path, np.column_stack([JOINTS[0], np.ones(14)])), LSP_14)
    np.testing.assert_allclose(person.joints, JOINTS[0] - 1)


def test_people_without_extent_are_left_out(tmp_path: Path) -> None:
    flags = np.zeros((3, 14))
    flags[0, 3], flags[2] = 1, 1
    assert [p.file_name for p in load_lsp_people(write(tmp_path, JOINTS, flags), LSP_14)] == ["im00003.jpg"]


def test_a_labelled_joint_without_position(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    joints, flags = JOINTS.copy(), np.ones((3, 14))
    joints[1, 2], joints[2, 5], flags[2, 5] = np.nan, np.nan, 0  # the third person's is not labelled
    file = write(tmp_path, joints, flags)
    with pytest.raises(ValueError, match=r"the person of im00002\.jpg .*\[nan, nan\]"):
        load_lsp_people(file, LSP_14)
    with caplog.at_level(logging.WARNING):
        assert len(load_lsp_people(file, LSP_14, "skip")) == 2
    assert "1 broken entries" in caplog.messages[0]


def test_other_files(tmp_path: Path) -> None:
    for wrong in (np.zeros((14, 2, 5)), np.zeros((2, 2)), np.full((14, 3, 1), "a")):
        with pytest.raises(ValueError, match=r"joints\.mat: .*3 x 14 x N or 14 x 3 x N"):
            load_lsp_people(write(tmp_path, wrong), LSP_14)
    with pytest.raises(ValueError, match=r"joints\.mat has no variable 'joints'; it has people"):
        load_lsp_people(write(tmp_path, JOINTS, name="people"), LSP_14)
