from __future__ import annotations

import json

import numpy as np
import pytest
from shared_data import shared

from pose_track.geometry.oks import oks_matrix, oks_nms, oks_of_pairs, suppress_oks_soft
from pose_track.structures.skeleton import COCO_17

SIGMAS = [0.05, 0.1]


def oks_of_two(joints: list[list[float]], scores: list[float], threshold: float | None, **how: str) -> float:
    """OKS of a pose with joints at (0, 0), (10, 0), both certain, and area 100, to another one of area 300."""
    first = [[[0.0, 0.0], [10.0, 0.0]]], [[1.0, 1.0]], [100.0]
    matrix = oks_matrix(*first, [joints], [scores], [300.0], SIGMAS, threshold, **how)  # type: ignore[arg-type]
    assert matrix.shape == (1, 1)
    return float(matrix[0, 0])


@pytest.mark.parametrize(
    ("joints", "scores", "threshold", "expected"),
    [
        ([[0, 0], [10, 0]], [1, 1], None, 1.0),
        # d^2 / (2 * mean area 200 * (2 * sigma)^2): 25 / (400 * .01) and 16 / (400 * .04)
        ([[3, 4], [10, 4]], [1, 1], None, (np.exp(-6.25) + np.exp(-1)) / 2),
        ([[3, 4], [10, 4]], [0.2, 1], 0.2, np.exp(-1)),  # a score at the limit does not count
        ([[3, 4], [10, 4]], [0.2, 1], None, (np.exp(-6.25) + np.exp(-1)) / 2),
        ([[0, 0], [10, 0]], [0.1, 0.1], 0.2, 0.0),  # no joint left
    ],
)
def test_oks(joints: list[list[float]], scores: list[float], threshold: float | None, expected: float) -> None:
    assert oks_of_two(joints, scores, threshold) == pytest.approx(expected, abs=1e-12)


def test_both_scores_count_unless_asked_otherwise() -> None:
    far, near = [50.0, 50.0], [10.0, 0.0]
    unsure = [[[0.0, 0.0], [10.0, 0.0]]], [[0.1, 1.0]], [100.0]
    sure = [[far, near]], [[1.0, 1.0]], [100.0]
    assert oks_matrix(*unsure, *sure, SIGMAS, 0.2) == pytest.approx(1.0)
    assert oks_matrix(*sure, *unsure, SIGMAS, 0.2) == pytest.approx(1.0)
    assert oks_matrix(*unsure, *sure, SIGMAS, 0.2, counted="second") == pytest.approx(0.5)


def test_no_area_gives_no_division_by_zero() -> None:
    point = [[[1.0, 1.0], [1.0, 1.0]]], [[1.0, 1.0]], [0.0]
    other = [[[1.0, 1.0], [2.0, 1.0]]], [[1.0, 1.0]], [0.0]
    with np.errstate(all="raise", under="ignore"):
        assert oks_matrix(*point, *other, SIGMAS) == pytest.approx(0.5)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 2), (3, 0)])
@pytest.mark.parametrize("threshold", [None, 0.2])
def test_nobody(n: int, m: int, threshold: float | None) -> None:
    who = [(np.zeros((c, 2, 2)), np.ones((c, 2)), np.ones(c)) for c in (n, m)]
    assert oks_matrix(*who[0], *who[1], SIGMAS, threshold).shape == (n, m)
    nothing = np.zeros((0, 0)), np.zeros(0), 0.9
    assert len(oks_nms(*nothing)) == len(suppress_oks_soft(*nothing)) == 0


def crowd(seed: int, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Joints of people near each other, and scores of which some are low."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 60, (*shape, 17, 2)), rng.choice([0.1, 0.2, 0.3, 0.9], (*shape, 17))


def test_pairs_are_those_of_the_matrix() -> None:
    a, b, areas = crowd(0, 5), crowd(1, 4), np.full(5, 9e3)
    expected = oks_matrix(*a, areas, *b, areas[:4], COCO_17.sigmas, 0.2)
    rows, cols = (indices.ravel() for indices in np.indices((5, 4)))
    beside = oks_of_pairs(a[0][rows], a[1][rows], b[0][cols], b[1][cols], areas[0] * np.ones(20), COCO_17.sigmas, 0.2)
    np.testing.assert_allclose(beside, expected.ravel(), rtol=1e-12)
    spread = oks_of_pairs(a[0][:, None], a[1][:, None], b[0][None], b[1][None], areas[:, None], COCO_17.sigmas, 0.2)
    np.testing.assert_allclose(spread, expected, rtol=1e-12)


def test_pairs_of_further_axes() -> None:
    """Three poses of each of five people beside one other."""
    (joints, scores), (other, other_scores), areas = crowd(0, 5, 3), crowd(1, 5), np.linspace(1e3, 9e3, 5)
    found = oks_of_pairs(joints, scores, other[:, None], other_scores[:, None], areas[:, None], COCO_17.sigmas, 0.2)
    assert found.shape == (5, 3)
    for i, j in np.ndindex(5, 3):
        one = oks_of_pairs(joints[i, j], scores[i, j], other[i], other_scores[i], areas[i], COCO_17.sigmas, 0.2)
        np.testing.assert_allclose(found[i, j], one, rtol=1e-12)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([1, 1], (np.exp(-6.25) + np.exp(-1)) / 2),
        ([0.2, 1], np.exp(-1)),  # a score at the limit does not count
        ([0.1, 0.1], np.nan),  # nothing is known
    ],
)
def test_pairs_by_hand(scores: list[float], expected: float) -> None:
    near, far = np.array([[[0.0, 0], [10, 0]]]), np.array([[[3.0, 4], [10, 4]]])
    for first, second in ((scores, [1, 1]), ([1, 1], scores)):
        given = near, np.array([first]), far, np.array([second])
        assert oks_of_pairs(*given, np.array([200.0]), SIGMAS, 0.2) == pytest.approx([expected], nan_ok=True)


def test_pairs_of_nobody_and_of_no_area() -> None:
    none = np.zeros((0, 2, 2)), np.zeros((0, 2))
    assert oks_of_pairs(*none, *none, np.zeros(0), SIGMAS, 0.2).shape == (0,)
    assert oks_of_pairs(none[0][:, None], none[1][:, None], *none, np.zeros((0, 1)), SIGMAS, 0.2).shape == (0, 0)
    points, moved, sure = np.array([[[1.0, 1], [1, 1]]]), np.array([[[1.0, 1], [2, 1]]]), np.ones((1, 2))
    with np.errstate(all="raise", under="ignore"):
        assert oks_of_pairs(points, sure, moved, sure, np.zeros(1), SIGMAS, 0.2) == [0.5]


def test_pairs_in_single_precision() -> None:
    """As poses have it; where nothing overflows, it is as good."""
    (a, scores), areas = crowd(0, 6), np.full(3, 5e3)
    single = [x.astype(np.float32) for x in (a[:3], scores[:3], a[3:], scores[3:])]
    double = oks_of_pairs(a[:3], scores[:3], a[3:], scores[3:], areas, COCO_17.sigmas, 0.25)
    np.testing.assert_allclose(oks_of_pairs(*single, areas, COCO_17.sigmas, 0.25), double, rtol=1e-4)


def test_soft_suppression_puts_a_double_last_and_stops_in_time() -> None:
    oks = np.array([[1, 0.95, 0], [0.95, 1, 0], [0, 0, 1]])
    assert oks_nms(oks, [0.8, 0.9, 0.5], 0.9).tolist() == [1, 2]
    assert suppress_oks_soft(oks, [0.8, 0.9, 0.5], 0.9).tolist() == [1, 2, 0]
    assert suppress_oks_soft(oks, [0.8, 0.9, 0.5], 0.9, max_kept=2).tolist() == [1, 2]
    # 0.8 * exp(-0.95^2 / 0.9) = 0.293 still beats 0.2
    assert suppress_oks_soft(oks, [0.8, 0.9, 0.2], 0.9).tolist() == [1, 0, 2]


def test_soft_suppression_leaves_the_scores_alone() -> None:
    scores = np.array([0.8, 0.9])
    suppress_oks_soft(np.ones((2, 2)), scores, 0.9)
    assert scores.tolist() == [0.8, 0.9]


def recorded_oks(golden: np.lib.npyio.NpzFile, index: int, threshold: float | None, variant: str) -> np.ndarray:
    joints = golden[f"keypoints_{index}"]
    who = joints[..., :2], joints[..., 2], golden[f"areas_{index}"]
    return oks_matrix(*who, *who, COCO_17.sigmas, threshold, counted="second" if variant == "ref" else "both")


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("threshold", [None, 0.2])
@pytest.mark.parametrize("variant", ["ref", "fixed"])
def test_recorded_oks(index: int, threshold: float | None, variant: str) -> None:
    golden = np.load(shared("data/golden/oks_nms.npz"))
    expected = golden[f"oks_{index}_vis{str(threshold).lower()}_{variant}"]
    np.testing.assert_allclose(recorded_oks(golden, index, threshold, variant), expected, rtol=0, atol=1e-9)


def test_recorded_suppression() -> None:
    golden = np.load(shared("data/golden/oks_nms.npz"))
    cases = json.loads(shared("data/golden/oks_nms.json").read_text())["cases"]
    assert len(cases) >= 24
    for case in cases:
        oks = recorded_oks(golden, case["set"], case["in_vis_thre"], case["variant"])
        scores = golden[f"scores_{case['set']}"]
        assert oks_nms(oks, scores, case["thresh"]).tolist() == case["oks_nms_keep"], case
        assert suppress_oks_soft(oks, scores, case["thresh"]).tolist() == case["soft_oks_nms_keep"], case
