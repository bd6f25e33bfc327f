from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat
from shared_data import shared

from pose_track.evaluation.pckh import PckhTruth, load_pckh_truth, pckh
from pose_track.structures.skeleton import MPII_16

NAMES = ("Mean", "Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Mean@0.1")


def made_truth(num: int, seed: int = 0) -> PckhTruth:
    rng = np.random.default_rng(seed)
    joints = rng.uniform(0, 300, (num, 16, 2))
    return PckhTruth(joints, rng.random((num, 16)) < 0.2, rng.uniform(20, 60, num))


def test_a_perfect_prediction() -> None:
    truth = made_truth(20)
    assert pckh(truth.joints, truth) == dict.fromkeys(NAMES, 100.0)


def test_nobody_gives_nan() -> None:
    figures = pckh(np.zeros((0, 16, 2)), made_truth(0))
    assert list(figures) == list(NAMES)
    assert all(map(math.isnan, figures.values()))


@pytest.mark.parametrize(
    ("joint", "changed"),
    [
        ("head_top", {"Head": 0.0}),
        ("left_wrist", {"Wrist": 50.0}),
        ("right_ankle", {"Ankle": 50.0}),
        ("head_bottom", {}),  # in the mean alone
    ],
)
def test_one_wrong_joint(joint: str, changed: dict[str, float]) -> None:
    truth = PckhTruth(np.zeros((1, 16, 2)), np.zeros((1, 16), bool), np.array([10.0]))
    found = truth.joints.copy()
    found[0, MPII_16.index(joint)] = 500
    expected = dict.fromkeys(NAMES, 100.0) | changed | dict.fromkeys(("Mean", "Mean@0.1"), 100 * 13 / 14)
    assert pckh(found, truth) == pytest.approx(expected)


@pytest.mark.parametrize("joint", ["pelvis", "thorax"])
def test_joints_left_out(joint: str) -> None:
    truth = PckhTruth(np.zeros((1, 16, 2)), np.zeros((1, 16), bool), np.array([10.0]))
    found = truth.joints.copy()
    found[0, MPII_16.index(joint)] = 500
    assert pckh(found, truth) == dict.fromkeys(NAMES, 100.0)


@pytest.mark.parametrize(("error", "mean", "near"), [(5.0, 100.0, 0.0), (5.01, 0.0, 0.0), (1.09, 100.0, 100.0)])
def test_half_a_head_still_counts(error: float, mean: float, near: float) -> None:
    truth = PckhTruth(np.zeros((1, 16, 2)), np.zeros((1, 16), bool), np.array([10.0]))
    figures = pckh(truth.joints + np.array([error, 0]), truth)
    assert (figures["Mean"], figures["Mean@0.1"]) == (mean, near)


@pytest.mark.parametrize("size", [math.nan, 0.0])
def test_people_without_a_head_size_are_left_out(size: float) -> None:
    truth = PckhTruth(np.zeros((2, 16, 2)), np.zeros((2, 16), bool), np.array([10.0, size]))
    found = truth.joints.copy()
    found[1] = 500
    assert pckh(found, truth)["Mean"] == 100


def test_a_joint_without_label_does_not_count() -> None:
    missing = np.zeros((1, 16), bool)
    missing[0, MPII_16.index("left_knee")] = True
    truth = PckhTruth(np.zeros((1, 16, 2)), missing, np.array([10.0]))
    found = truth.joints.copy()
    found[0, MPII_16.index("left_knee")] = 500
    figures = pckh(found, truth)
    assert figures["Mean"] == figures["Hip"] == 100
    assert math.isnan(figures["Knee"])


@given(st.integers(1, 12), st.integers(0, 99), st.floats(0.1, 10))
def test_the_order_of_people_and_the_scale_of_pictures_do_not_matter(num: int, seed: int, scale: float) -> None:
    truth = made_truth(num, seed)
    rng = np.random.default_rng(seed)
    found, order = truth.joints + rng.normal(0, 15, truth.joints.shape), rng.permutation(num)
    other = PckhTruth(truth.joints[order] * scale, truth.missing[order], truth.head_sizes[order] * scale)
    assert pckh(found, truth) == pytest.approx(pckh(found[order] * scale, other), nan_ok=True)


def test_another_number_of_people() -> None:
    with pytest.raises(ValueError, match=r"predicted must have shape \(3, 16, 2\), got \(2, 16, 2\)"):
        pckh(np.zeros((2, 16, 2)), made_truth(3))


def recorded_mat(path: Path) -> np.lib.npyio.NpzFile:
    """The recorded truth as a file like the published one."""
    golden = np.load(shared("data/golden/mpii_pckh.npz"))
    savemat(path, {name: golden[name] for name in ("jnt_missing", "pos_gt_src", "headboxes_src")})
    return golden


def test_recorded_table(tmp_path: Path) -> None:
    golden = recorded_mat(tmp_path / "gt_valid.mat")
    recorded: dict[str, Any] = json.loads(shared("data/golden/mpii_pckh.json").read_text())
    figures = pckh(golden["preds"][..., :2], load_pckh_truth(tmp_path / "gt_valid.mat"))
    assert figures == pytest.approx(recorded["result"], rel=0, abs=1e-6)
    assert set(figures) == set(recorded["result"])


def test_published_truth_counts_from_0_here(tmp_path: Path) -> None:
    golden = recorded_mat(tmp_path / "gt_valid.mat")
    truth = load_pckh_truth(tmp_path / "gt_valid.mat")
    np.testing.assert_array_equal(truth.joints[3, 5], golden["pos_gt_src"][5, :, 3] - 1)
    assert truth.missing[3, 5] == golden["jnt_missing"][5, 3]
    corners = golden["headboxes_src"][:, :, 3]
    assert truth.head_sizes[3] == pytest.approx(0.6 * np.hypot(*(corners[1] - corners[0])))


def test_faulty_files(tmp_path: Path) -> None:
    path = tmp_path / "gt_valid.mat"
    with pytest.raises(FileNotFoundError, match=r"gt_valid\.mat"):
        load_pckh_truth(path)
    path.write_bytes(b"no matrix")
    with pytest.raises(ValueError, match=r"gt_valid\.mat is no MATLAB file"):
        load_pckh_truth(path)
    people = {
        "pos_gt_src": np.zeros((16, 2, 3)),
        "jnt_missing": np.zeros((16, 2)),
        "headboxes_src": np.zeros((2, 2, 3)),
    }
    savemat(path, people)
    with pytest.raises(ValueError, match=r"is not MPII's gt_valid\.mat: .*shapes .*\(16, 2\)"):
        load_pckh_truth(path)
    savemat(path, {"pos_gt_src": people["pos_gt_src"]})
    with pytest.raises(ValueError, match="has no variable 'jnt_missing'"):
        load_pckh_truth(path)
