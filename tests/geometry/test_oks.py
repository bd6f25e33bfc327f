"""OKS, by hand and against recorded results."""

from __future__ import annotations

import json

import numpy as np
import pytest
from shared_data import shared

from pose_track.geometry.oks import oks_matrix, oks_nms, oks_of_pairs
from pose_track.structures.skeleton import COCO_17

SIGMAS = [0.05, 0.1]


def oks_of_two(joints: list[list[float]], scores: list[float], threshold: float | None, **options: str) -> float:
    """OKS of a pose with joints at (0, 0) and (10, 0), scores 1 and area 100, and another pose of area 300."""
    first = [[[0.0, 0.0], [10.0, 0.0]]], [[1.0, 1.0]], [100.0]
    matrix = oks_matrix(*first, [joints], [scores], [300.0], SIGMAS, threshold, **options)  # type: ignore[arg-type]
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
        ([[0, 0], [10, 0]], [0.1, 0.1], 0.2, 0.0),  # no common joint
    ],
)
def test_oks(joints: list[list[float]], scores: list[float], threshold: float | None, expected: float) -> None:
    assert oks_of_two(joints, scores, threshold) == pytest.approx(expected, abs=1e-12)


def test_both_scores_count_by_default() -> None:
    far, near = [50.0, 50.0], [10.0, 0.0]
    low = [[[0.0, 0.0], [10.0, 0.0]]], [[0.1, 1.0]], [100.0]
    high = [[far, near]], [[1.0, 1.0]], [100.0]
    assert oks_matrix(*low, *high, SIGMAS, 0.2) == pytest.approx(1.0)
    assert oks_matrix(*high, *low, SIGMAS, 0.2) == pytest.approx(1.0)
    assert oks_matrix(*low, *high, SIGMAS, 0.2, counted="second") == pytest.approx(0.5)


def test_area_0() -> None:
    point = [[[1.0, 1.0], [1.0, 1.0]]], [[1.0, 1.0]], [0.0]
    other = [[[1.0, 1.0], [2.0, 1.0]]], [[1.0, 1.0]], [0.0]
    with np.errstate(all="raise", under="ignore"):
        assert oks_matrix(*point, *other, SIGMAS) == pytest.approx(0.5)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 2), (3, 0)])
@pytest.mark.parametrize("threshold", [None, 0.2])
def test_no_people(n: int, m: int, threshold: float | None) -> None:
    people = [(np.zeros((c, 2, 2)), np.ones((c, 2)), np.ones(c)) for c in (n, m)]
    assert oks_matrix(*people[0], *people[1], SIGMAS, threshold).shape == (n, m)
    assert len(oks_nms(np.zeros((0, 0)), np.zeros(0), 0.9)) == 0


def random_people(seed: int, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Joints of people near each other, and scores, some of them low."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 60, (*shape, 17, 2)), rng.choice([0.1, 0.2, 0.3, 0.9], (*shape, 17))


def test_pairs_equal_the_matrix() -> None:
    a, b, areas = random_people(0, 5), random_people(1, 4), np.full(5, 9e3)
    expected = oks_matrix(*a, areas, *b, areas[:4], COCO_17.sigmas, 0.2)
    rows, cols = (indices.ravel() for indices in np.indices((5, 4)))
    paired = oks_of_pairs(a[0][rows], a[1][rows], b[0][cols], b[1][cols], areas[0] * np.ones(20), COCO_17.sigmas, 0.2)
    np.testing.assert_allclose(paired, expected.ravel(), rtol=1e-12)
    broadcast = oks_of_pairs(a[0][:, None], a[1][:, None], b[0][None], b[1][None], areas[:, None], COCO_17.sigmas, 0.2)
    np.testing.assert_allclose(broadcast, expected, rtol=1e-12)


def test_pairs_with_more_axes() -> None:
    """Three poses of each of five people, each with one other pose."""
    (joints, scores), (other, other_scores), areas = (
        random_people(0, 5, 3),
        random_people(1, 5),
        np.linspace(1e3, 9e3, 5),
    )
    result = oks_of_pairs(joints, scores, other[:, None], other_scores[:, None], areas[:, None], COCO_17.sigmas, 0.2)
    assert result.shape == (5, 3)
    for i, j in np.ndindex(5, 3):
        one = oks_of_pairs(joints[i, j], scores[i, j], other[i], other_scores[i], areas[i], COCO_17.sigmas, 0.2)
        np.testing.assert_allclose(result[i, j], one, rtol=1e-12)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([1, 1], (np.exp(-6.25) + np.exp(-1)) / 2),
        ([0.2, 1], np.exp(-1)),  # a score at the limit does not count
        ([0.1, 0.1], np.nan),  # no common joint
    ],
)
def test_pairs_by_hand(scores: list[float], expected: float) -> None:
    near, far = np.array([[[0.0, 0], [10, 0]]]), np.array([[[3.0, 4], [10, 4]]])
    for first, second in ((scores, [1, 1]), ([1, 1], scores)):
        given = near, np.array([first]), far, np.array([second])
        assert oks_of_pairs(*given, np.array([200.0]), SIGMAS, 0.2) == pytest.approx([expected], nan_ok=True)


def test_no_pairs_and_area_0() -> None:
    none = np.zeros((0, 2, 2)), np.zeros((0, 2))
    assert oks_of_pairs(*none, *none, np.zeros(0), SIGMAS, 0.2).shape == (0,)
    assert oks_of_pairs(none[0][:, None], none[1][:, None], *none, np.zeros((0, 1)), SIGMAS, 0.2).shape == (0, 0)
    points, moved, scores = np.array([[[1.0, 1], [1, 1]]]), np.array([[[1.0, 1], [2, 1]]]), np.ones((1, 2))
    with np.errstate(all="raise", under="ignore"):
        assert oks_of_pairs(points, scores, moved, scores, np.zeros(1), SIGMAS, 0.2) == [0.5]


def test_pairs_in_single_precision() -> None:
    """As `Poses` has it; without overflow the result is the same."""
    (a, scores), areas = random_people(0, 6), np.full(3, 5e3)
    single = [x.astype(np.float32) for x in (a[:3], scores[:3], a[3:], scores[3:])]
    double = oks_of_pairs(a[:3], scores[:3], a[3:], scores[3:], areas, COCO_17.sigmas, 0.25)
    np.testing.assert_allclose(oks_of_pairs(*single, areas, COCO_17.sigmas, 0.25), double, rtol=1e-4)


def test_nms_drops_a_duplicate() -> None:
    oks = np.array([[1, 0.95, 0], [0.95, 1, 0], [0, 0, 1]])
    assert oks_nms(oks, [0.8, 0.9, 0.5], 0.9).tolist() == [1, 2]


def recorded_oks(golden: np.lib.npyio.NpzFile, index: int, threshold: float | None, variant: str) -> np.ndarray:
    joints = golden[f"keypoints_{index}"]
    people = joints[..., :2], joints[..., 2], golden[f"areas_{index}"]
    return oks_matrix(*people, *people, COCO_17.sigmas, threshold, counted="second" if variant == "ref" else "both")


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("threshold", [None, 0.2])
@pytest.mark.parametrize("variant", ["ref", "fixed"])
def test_recorded_oks(index: int, threshold: float | None, variant: str) -> None:
    golden = np.load(shared("data/golden/oks_nms.npz"))
    expected = golden[f"oks_{index}_vis{str(threshold).lower()}_{variant}"]
    np.testing.assert_allclose(recorded_oks(golden, index, threshold, variant), expected, rtol=0, atol=1e-9)


def test_recorded_nms() -> None:
    golden = np.load(shared("data/golden/oks_nms.npz"))
    cases = json.loads(shared("data/golden/oks_nms.json").read_text())["cases"]
    assert len(cases) >= 24
    for case in cases:
        oks = recorded_oks(golden, case["set"], case["in_vis_thre"], case["variant"])
        scores = golden[f"scores_{case['set']}"]
        assert oks_nms(oks, scores, case["thresh"]).tolist() == case["oks_nms_keep"], case
