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

from pose_track.evaluation.pckh import PckhGroundTruth, load_pckh_ground_truth, pckh
from pose_track.structures.skeleton import MPII_16

NAMES = ("Mean", "Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Mean@0.1")


def random_gt(num: int, seed: int = 0) -> PckhGroundTruth:
    rng = np.random.default_rng(seed)
    joints = rng.uniform(0, 300, (num, 16, 2))
    return PckhGroundTruth(joints, rng.random((num, 16)) < 0.2, rng.uniform(20, 60, num))


def test_a_perfect_prediction() -> None:
    gt = random_gt(20)
    assert pckh(gt.joints, gt) == dict.fromkeys(NAMES, 100.0)


def test_no_people_give_nan() -> None:
    metrics = pckh(np.zeros((0, 16, 2)), random_gt(0))
    assert list(metrics) == list(NAMES)
    assert all(map(math.isnan, metrics.values()))


@pytest.mark.parametrize(
    ("joint", "changed"),
    [
        ("head_top", {"Head": 0.0}),
        ("left_wrist", {"Wrist": 50.0}),
        ("right_ankle", {"Ankle": 50.0}),
        ("head_bottom", {}),  # part of the mean alone
    ],
)
def test_one_wrong_joint(joint: str, changed: dict[str, float]) -> None:
    gt = PckhGroundTruth(np.zeros((1, 16, 2)), np.zeros((1, 16), bool), np.array([10.0]))
    predicted = gt.joints.copy()
    predicted[0, MPII_16.index(joint)] = 500
    expected = dict.fromkeys(NAMES, 100.0) | changed | dict.fromkeys(("Mean", "Mean@0.1"), 100 * 13 / 14)
    assert pckh(predicted, gt) == pytest.approx(expected)


@pytest.mark.parametrize("joint", ["pelvis", "thorax"])
def test_joints_outside_the_mean(joint: str) -> None:
    gt = PckhGroundTruth(np.zeros((1, 16, 2)), np.zeros((1, 16), bool), np.array([10.0]))
    predicted = gt.joints.copy()
    predicted[0, MPII_16.index(joint)] = 500
    assert pckh(predicted, gt) == dict.fromkeys(NAMES, 100.0)


@pytest.mark.parametrize(("error", "mean", "strict_mean"), [(5.0, 100.0, 0.0), (5.01, 0.0, 0.0), (1.09, 100.0, 100.0)])
def test_the_threshold_is_inclusive(error: float, mean: float, strict_mean: float) -> None:
    gt = PckhGroundTruth(np.zeros((1, 16, 2)), np.zeros((1, 16), bool), np.array([10.0]))
    metrics = pckh(gt.joints + np.array([error, 0]), gt)
    assert (metrics["Mean"], metrics["Mean@0.1"]) == (mean, strict_mean)


@pytest.mark.parametrize("size", [math.nan, 0.0])
def test_people_without_a_head_size_are_left_out(size: float) -> None:
    gt = PckhGroundTruth(np.zeros((2, 16, 2)), np.zeros((2, 16), bool), np.array([10.0, size]))
    predicted = gt.joints.copy()
    predicted[1] = 500
    assert pckh(predicted, gt)["Mean"] == 100


def test_an_unlabelled_joint_does_not_count() -> None:
    missing = np.zeros((1, 16), bool)
    missing[0, MPII_16.index("left_knee")] = True
    gt = PckhGroundTruth(np.zeros((1, 16, 2)), missing, np.array([10.0]))
    predicted = gt.joints.copy()
    predicted[0, MPII_16.index("left_knee")] = 500
    metrics = pckh(predicted, gt)
    assert metrics["Mean"] == metrics["Hip"] == 100
    assert math.isnan(metrics["Knee"])


@given(st.integers(1, 12), st.integers(0, 99), st.floats(0.1, 10))
def test_the_order_of_people_and_the_image_scale_do_not_matter(num: int, seed: int, scale: float) -> None:
    gt = random_gt(num, seed)
    rng = np.random.default_rng(seed)
    predicted, order = gt.joints + rng.normal(0, 15, gt.joints.shape), rng.permutation(num)
    scaled = PckhGroundTruth(gt.joints[order] * scale, gt.missing[order], gt.head_sizes[order] * scale)
    assert pckh(predicted, gt) == pytest.approx(pckh(predicted[order] * scale, scaled), nan_ok=True)


def test_another_number_of_people() -> None:
    with pytest.raises(ValueError, match=r"predicted .*\(3, 16, 2\).*\(2, 16, 2\)"):
        pckh(np.zeros((2, 16, 2)), random_gt(3))


def recorded_mat(path: Path) -> np.lib.npyio.NpzFile:
    """The recorded ground gt in the format of the published file."""
    golden = np.load(shared("data/golden/mpii_pckh.npz"))
    savemat(path, {name: golden[name] for name in ("jnt_missing", "pos_gt_src", "headboxes_src")})
    return golden


def test_recorded_table(tmp_path: Path) -> None:
    golden = recorded_mat(tmp_path / "gt_valid.mat")
    recorded: dict[str, Any] = json.loads(shared("data/golden/mpii_pckh.json").read_text())
    metrics = pckh(golden["preds"][..., :2], load_pckh_ground_truth(tmp_path / "gt_valid.mat"))
    assert metrics == pytest.approx(recorded["result"], rel=0, abs=1e-6)
    assert set(metrics) == set(recorded["result"])


def test_pixels_of_the_published_file_count_from_0(tmp_path: Path) -> None:
    golden = recorded_mat(tmp_path / "gt_valid.mat")
    gt = load_pckh_ground_truth(tmp_path / "gt_valid.mat")
    np.testing.assert_array_equal(gt.joints[3, 5], golden["pos_gt_src"][5, :, 3] - 1)
    assert gt.missing[3, 5] == golden["jnt_missing"][5, 3]
    corners = golden["headboxes_src"][:, :, 3]
    assert gt.head_sizes[3] == pytest.approx(0.6 * np.hypot(*(corners[1] - corners[0])))


def test_invalid_files(tmp_path: Path) -> None:
    path = tmp_path / "gt_valid.mat"
    with pytest.raises(FileNotFoundError, match=r"gt_valid\.mat"):
        load_pckh_ground_truth(path)
    path.write_bytes(b"no matrix")
    with pytest.raises(ValueError, match=r"gt_valid\.mat is not a MATLAB file"):
        load_pckh_ground_truth(path)
    people = {
        "pos_gt_src": np.zeros((16, 2, 3)),
        "jnt_missing": np.zeros((16, 2)),
        "headboxes_src": np.zeros((2, 2, 3)),
    }
    savemat(path, people)
    with pytest.raises(ValueError, match=r"gt_valid\.mat.*shapes .*\(16, 2\)"):
        load_pckh_ground_truth(path)
    savemat(path, {"pos_gt_src": people["pos_gt_src"]})
    with pytest.raises(ValueError, match=r"gt_valid\.mat.*'jnt_missing'"):
        load_pckh_ground_truth(path)
