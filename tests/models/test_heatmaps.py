from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import shared

from pose_track.geometry.affine import apply_affine, crop_matrix, invert_affine
from pose_track.models.heatmaps import (
    HeatmapType,
    Peaks,
    decode_dark,
    decode_quarter_offset,
    decode_soft_argmax,
    decode_udp,
    find_peaks,
    gaussian_targets,
)


def one_map(cells: dict[tuple[int, int], float], size: tuple[int, int] = (12, 16), floor: float = 0.0) -> np.ndarray:
    """A heatmap (1, 1, h, w) that is `floor` except at the cells (x, y)."""
    heatmap = np.full((1, 1, size[1], size[0]), floor, np.float32)
    for (x, y), value in cells.items():
        heatmap[0, 0, y, x] = value
    return heatmap


def quarter(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Joints and scores by the quarter offset."""
    peaks = find_peaks(heatmaps)
    return decode_quarter_offset(peaks), peaks.scores


Newton = Callable[[Peaks, float], np.ndarray]


def newton(decode: Newton, heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Joints and scores by a step of Newton's method, with 11 cells of smoothing."""
    peaks = find_peaks(heatmaps, 11)
    return decode(peaks, 5.5), peaks.scores


@pytest.mark.parametrize(
    ("cells", "floor", "joint", "score"),
    [
        ({}, 0.0, (0, 0), 0.0),  # empty
        ({(5, 6): -0.5}, -1.0, (0, 0), -0.5),  # no positive cell: not (5, 6)
        ({(5, 6): 0.9}, 0.0, (5, 6), 0.9),  # equal neighbours: no offset
        ({(5, 6): 0.9, (6, 6): 0.3}, 0.0, (5.25, 6), 0.9),
        ({(5, 6): 0.9, (4, 6): 0.3, (5, 7): 0.2}, 0.0, (4.75, 6.25), 0.9),
        ({(5, 6): 0.9, (5, 5): 0.2}, 0.0, (5, 5.75), 0.9),
        ({(5, 6): 0.9, (9, 3): 0.9}, 0.0, (9, 3), 0.9),  # equal peaks: the upper one
        ({(5, 6): 0.9, (9, 6): 0.9}, 0.0, (5, 6), 0.9),  # equal peaks in a row: the left one
        ({(1, 6): 0.9, (2, 6): 0.3, (1, 7): 0.3}, 0.0, (1, 6), 0.9),  # at the left border: no offset in x or y
        ({(2, 6): 0.9, (3, 6): 0.3, (2, 7): 0.3}, 0.0, (2.25, 6.25), 0.9),  # the first column with an offset
        ({(11, 6): 0.9, (10, 6): 0.3}, 0.0, (11, 6), 0.9),  # the last column
        ({(10, 6): 0.9, (11, 6): 0.3}, 0.0, (10.25, 6), 0.9),  # the last with an offset
        ({(5, 14): 0.9, (5, 13): 0.3}, 0.0, (5, 13.75), 0.9),
        ({(5, 15): 0.9, (5, 14): 0.3, (6, 15): 0.3}, 0.0, (5, 15), 0.9),
    ],
)
def test_decode(cells: dict[tuple[int, int], float], floor: float, joint: tuple[float, float], score: float) -> None:
    joints, scores = quarter(one_map(cells, floor=floor))
    assert joints.tolist() == [[list(joint)]]
    assert scores[0, 0] == np.float32(score)
    assert joints.dtype == scores.dtype == np.float32


def test_decode_keeps_people_and_joints_apart() -> None:
    maps = np.zeros((2, 3, 16, 12), np.float32)
    places = np.random.default_rng(0).integers(2, 10, (2, 3, 2))
    for b, k in np.ndindex(2, 3):
        maps[b, k, places[b, k, 1], places[b, k, 0]] = 0.1 * (1 + b + 2 * k)
    joints, scores = quarter(maps)
    np.testing.assert_array_equal(joints, places)
    np.testing.assert_allclose(scores, [[0.1, 0.3, 0.5], [0.2, 0.4, 0.6]])


def test_what_is_around_a_peak() -> None:
    """Beyond the border, the cell at the border; smoothed, with the old maximum."""
    maps = np.arange(24, dtype=np.float32).reshape(1, 1, 4, 6)
    peaks = find_peaks(maps)
    assert (peaks.x.item(), peaks.y.item(), peaks.scores.item(), peaks.size) == (5, 3, 23, (6, 4))
    expected = [[9, 10, 11, 11, 11], [15, 16, 17, 17, 17], *[[21, 22, 23, 23, 23]] * 3]
    assert peaks.patches[0, 0].tolist() == expected
    spot = find_peaks(one_map({(5, 6): 0.5}), 5).patches[0, 0]
    assert spot.max() == spot[2, 2] == pytest.approx(0.5)
    assert 0 < spot[0, 0] < spot[1, 1] < 0.5


def test_decode_nobody() -> None:
    joints, scores = quarter(np.zeros((0, 17, 64, 48), np.float32))
    assert joints.shape == (0, 17, 2)
    assert scores.shape == (0, 17)


@pytest.mark.parametrize("decode", [decode_dark, decode_udp])
@pytest.mark.parametrize(
    ("cells", "floor", "score"),
    [({}, 0.0, 0.0), ({(5, 6): -0.5}, -1.0, -0.5), ({(5, 6): 0.5, (6, 6): 0.1}, -1.0, 0.5)],
    ids=["empty", "no positive cell", "no positive cell after smoothing"],
)
def test_a_map_without_a_peak_moves_no_joint(
    decode: Newton, cells: dict[tuple[int, int], float], floor: float, score: float
) -> None:
    joints, scores = newton(decode, one_map(cells, floor=floor))
    assert joints.tolist() == ([[[5, 6]]] if score > 0 else [[[0, 0]]])
    assert scores[0, 0] == np.float32(score)


@pytest.mark.parametrize("decode", [decode_dark, decode_udp])
def test_steps_on_noise_are_limited_to_half_the_kernel(decode: Newton) -> None:
    """Far from a Gaussian the curvature may be almost 0 and the step almost infinite."""
    noise = np.random.default_rng(0).normal(size=(200, 17, 16, 12)).astype(np.float32)
    joints, scores = newton(decode, noise)
    peaks = np.stack(np.divmod(noise.reshape(200, 17, -1).argmax(axis=2), 12)[::-1], axis=-1)
    assert np.abs(joints - peaks).max() <= 5.5 + 1e-5
    np.testing.assert_array_equal(scores, noise.max(axis=(2, 3)))


@pytest.mark.parametrize("decode", [decode_dark, decode_udp])
def test_newton_on_an_empty_batch(decode: Newton) -> None:
    joints, scores = newton(decode, np.zeros((0, 17, 64, 48), np.float32))
    assert joints.shape == (0, 17, 2)
    assert scores.shape == (0, 17)


def test_only_udp_refines_the_two_outermost_cells() -> None:
    targets, _ = gaussian_targets("dark", np.array([[1.4, 8.3], [6.4, 13.6]]), np.ones(2), (12, 16), sigma=2)
    joints, _ = newton(decode_dark, targets[None])
    assert joints[0].tolist() == [[1, 8], [6, 14]]
    joints, _ = newton(decode_udp, targets[None])
    assert np.abs(joints[0] - [[1, 8], [6, 14]]).min() > 0.2


def test_udp_does_not_refine_below_a_thousandth() -> None:
    targets, _ = gaussian_targets("dark", np.array([[5.3, 8.2]]), np.ones(1), (12, 16), sigma=2)
    faint = targets[None] * np.float32(9e-4)
    assert newton(decode_udp, faint)[0].tolist() == [[[5, 8]]]
    np.testing.assert_allclose(newton(decode_dark, faint)[0], newton(decode_dark, targets[None])[0], atol=1e-3)


def centre_of_mass(heatmaps: np.ndarray, radius: int) -> np.ndarray:
    """Joints (B, K, 2)."""
    joints = decode_soft_argmax(find_peaks(heatmaps, radius=radius))
    assert joints.dtype == np.float32
    return np.asarray(joints)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(sigma=st.floats(0.8, 3.5), x=st.floats(12, 35), y=st.floats(12, 51), height=st.floats(1e-6, 100))
def test_the_centre_of_mass_of_a_gaussian_is_its_centre(sigma: float, x: float, y: float, height: float) -> None:
    """In a window of 3 sigma, to a hundredth of a cell or so."""
    targets, _ = gaussian_targets("dark", np.array([[x, y]]), np.ones(1), (48, 64), sigma)
    joints = centre_of_mass(targets[None] * np.float32(height), radius=int(np.ceil(3 * sigma)))
    np.testing.assert_allclose(joints[0], [[x, y]], atol=0.02)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(dx=st.integers(-9, 9), dy=st.integers(-9, 9), radius=st.integers(2, 9), seed=st.integers(0, 99))
def test_a_shift_by_whole_cells_shifts_the_centre_of_mass(dx: int, dy: int, radius: int, seed: int) -> None:
    maps = np.full((2, 3, 48, 48), -1, np.float32)
    maps[:, :, 18:30, 18:30] = np.random.default_rng(seed).normal(size=(2, 3, 12, 12))
    shifted = centre_of_mass(np.roll(maps, (dy, dx), axis=(2, 3)), radius)
    np.testing.assert_allclose(shifted - (dx, dy), centre_of_mass(maps, radius), atol=1e-5)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(
    shape=st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(1, 20), st.integers(1, 20)),
    level=st.floats(-3, 1),
    spread=st.sampled_from([0, 1e-30, 1.0, 1e6]),
    radius=st.integers(2, 9),
    seed=st.integers(0, 99),
)
def test_the_centre_of_mass_is_near_the_highest_cell_and_in_the_map(
    shape: tuple[int, int, int, int], level: float, spread: float, radius: int, seed: int
) -> None:
    maps = ((level + np.random.default_rng(seed).normal(size=shape)) * spread).astype(np.float32)
    peaks = find_peaks(maps, radius=radius)
    joints, has_peak = centre_of_mass(maps, radius), maps.max(axis=(2, 3)) > 0
    assert np.isfinite(joints).all()
    assert (joints >= 0).all()
    assert (joints <= (shape[3] - 1, shape[2] - 1)).all()
    assert (np.abs(joints - np.stack([peaks.x, peaks.y], axis=-1)) <= radius)[has_peak].all()
    assert not joints[~has_peak].any()


def test_distant_negative_and_outside_cells_have_no_weight() -> None:
    for more in ({}, {(11, 6): 0.8}, {(4, 5): -0.9}):
        assert centre_of_mass(one_map({(5, 6): 0.9, (6, 6): 0.3} | more), 3).tolist() == [[[5.25, 6]]]
    assert centre_of_mass(one_map({(0, 0): 0.9, (1, 0): 0.3}), 3).tolist() == [[[0.25, 0]]]
    assert centre_of_mass(one_map({(11, 15): 0.9, (11, 14): 0.9}), 3).tolist() == [[[11, 14.5]]]


def test_targets_of_unlabelled_and_outside_joints() -> None:
    joints = np.array([[10.0, 10.0], [10.0, 10.0], [-25.0, 10.0], [-2.0, 10.0]])
    targets, weights = gaussian_targets("gaussian", joints, np.array([1, 0, 1, 1]), (48, 64), sigma=2)
    assert weights.tolist() == [1, 0, 0, 1]
    assert targets.max(axis=(1, 2))[[0, 1, 2]].tolist() == [1, 0, 0]
    assert 0 < targets[3].max() < 1  # the peak is outside, its flank inside


@pytest.mark.parametrize(
    ("heatmap_type", "peak", "cells"),
    [
        ("gaussian", 1.0, 49),  # on the nearest cell, 7 by 7 cells
        ("dark", np.exp(-0.1), 16 * 12),  # 0.4 and 0.2 off, nothing cut off
        ("udp", np.exp(-0.1), 49),
    ],
)
def test_peak_and_extent_of_a_target(heatmap_type: HeatmapType, peak: float, cells: int) -> None:
    targets, _ = gaussian_targets(heatmap_type, np.array([[5.4, 7.8]]), np.ones(1), (12, 16), sigma=1)
    assert np.argwhere(targets[0] == targets[0].max()).tolist() == [[8, 5]]
    assert targets[0, 8, 5] == pytest.approx(peak)
    assert (targets > 0).sum() == cells


@pytest.mark.parametrize("size", [(48, 64), (72, 96)])
def test_recorded_decode(size: tuple[int, int]) -> None:
    golden = np.load(shared("data/golden/decode.npz"))
    suffix = f"{size[0]}x{size[1]}"
    maps = golden[f"heatmaps_{suffix}"]
    joints, scores = quarter(maps)
    peaks = find_peaks(maps)
    highest = np.where(scores[..., None] > 0, np.stack([peaks.x, peaks.y], axis=-1), 0)
    np.testing.assert_array_equal(highest, golden[f"max_preds_{suffix}"])
    np.testing.assert_array_equal(scores, golden[f"maxvals_{suffix}"][..., 0])
    np.testing.assert_allclose(joints, golden[f"preds_heatmap_{suffix}"], rtol=0, atol=1e-6)
    centers, scales = golden[f"center_{suffix}"].astype(float), golden[f"scale_{suffix}"].astype(float)
    for n, center in enumerate(centers):
        to_frame = invert_affine(crop_matrix(center, scales[n, 0] * 200, size))
        for cells, name in ((joints, "preds_image"), (highest, "preds_image_no_offset")):
            np.testing.assert_allclose(
                apply_affine(to_frame, cells[n]), golden[f"{name}_{suffix}"][n], rtol=0, atol=1e-3
            )


@pytest.mark.parametrize(("suffix", "size", "sigma"), [("48x64_s2", (48, 64), 2), ("72x96_s3", (72, 96), 3)])
def test_recorded_targets(suffix: str, size: tuple[int, int], sigma: float) -> None:
    golden = np.load(shared("data/golden/target.npz"))
    for n, joints in enumerate(golden[f"joints_{suffix}"]):
        visible = golden[f"joints_vis_{suffix}"][n, :, 0]
        targets, weights = gaussian_targets("gaussian", joints[:, :2] / 4, visible, size, sigma)
        np.testing.assert_allclose(targets, golden[f"target_{suffix}"][n], rtol=0, atol=1e-6)
        np.testing.assert_array_equal(weights, golden[f"target_weight_{suffix}"][n, :, 0])
