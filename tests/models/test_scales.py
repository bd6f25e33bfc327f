from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.geometry.affine import apply_affine
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import HeatmapType
from pose_track.models.scales import CropScales, ScaleAverage, resampling_matrix

SCALE = st.floats(0.5, 2)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(length=st.integers(2, 40), scale=SCALE, unbiased=st.booleans())
def test_resampling_is_linear_interpolation(length: int, scale: float, unbiased: bool) -> None:
    """A linear function stays as it is, so a joint stays in its place; beyond the border the weights are 0."""
    centre = (length - unbiased) / 2
    weights = resampling_matrix(length, centre, scale)
    positions = centre + (np.arange(length) - centre) / scale
    inside = (positions >= 0) & (positions <= length - 1)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights.sum(axis=1)[inside], 1, atol=1e-5)
    np.testing.assert_allclose((weights @ np.arange(length))[inside], positions[inside], atol=1e-4)
    assert not weights[(positions < -1e-3) | (positions > length - 1 + 1e-3)].any()
    if scale == 1:
        np.testing.assert_array_equal(weights, np.eye(length))


@pytest.mark.parametrize("heatmap_type", ["gaussian", "udp"])
@settings(derandomize=True, max_examples=50, deadline=None)
@given(scale=SCALE, x=st.floats(-99, 99), y=st.floats(-99, 99), width=st.floats(5, 500), degrees=st.floats(-180, 180))
def test_scaled_crops_have_the_same_centre(
    heatmap_type: HeatmapType, scale: float, x: float, y: float, width: float, degrees: float
) -> None:
    """Rotated, too; and `transform_to_nearest` takes a joint of scale 1 to its position in them."""
    codec = Codec(heatmap_type, (96, 128))
    scales = CropScales([scale], codec)
    matrix = codec.matrix([x, y], width, degrees)
    (scaled,) = scales.matrices(matrix[None])
    np.testing.assert_allclose(scaled[0], codec.matrix([x, y], width * scale, degrees), rtol=1e-9, atol=1e-7)
    position = np.array([[x + 5, y - 3]])
    factor, offset = scales.transform_to_nearest()
    np.testing.assert_allclose(
        apply_affine(matrix, position) * factor + offset, apply_affine(scaled[0], position), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    ("scales", "nearest"),
    [((1.0,), 0), ((0.8, 1, 1.25), 1), ((1.25, 0.8), 1), ((1.1, 0.9), 0), ((0.9, 1.1), 0), ((2, 0.5), 1)],
)
def test_nearest_scale(scales: tuple[float, ...], nearest: int) -> None:
    crop_scales = CropScales(scales, Codec())
    assert crop_scales.nearest == nearest
    assert crop_scales.is_single == (scales == (1.0,))
    maps = np.arange(len(scales)).repeat(3)  # three people
    assert crop_scales.select_nearest(maps).tolist() == [nearest] * 3


@pytest.mark.parametrize("heatmap_type", ["gaussian", "udp"])
def test_smaller_crops_count_only_where_they_reach(heatmap_type: HeatmapType) -> None:
    """Maps that are 1, 2 and 3 everywhere."""
    codec = Codec(heatmap_type, (64, 96))
    maps = np.ones((3, 1, 1, 24, 16), np.float32) * np.array([1, 2, 3])[:, None, None, None, None]
    mean = CropScales([0.5, 0.75, 1], codec).average().mean(maps.reshape(3, 1, 24, 16).astype(np.float32))[0, 0]
    assert mean.dtype == np.float32
    np.testing.assert_allclose([mean[12, 8], mean[12, 2], mean[12, 0], mean[0, 8]], [2, 2.5, 3, 3], rtol=1e-6)
    alone = CropScales([0.5], codec).average().mean(maps[0])[0, 0]
    np.testing.assert_allclose([alone[12, 8], alone[12, 0], alone[0, 0]], [1, 0, 0], rtol=1e-6)


@settings(derandomize=True, max_examples=30, deadline=None)
@given(scales=st.lists(SCALE, min_size=1, max_size=4), people=st.integers(0, 3), seed=st.integers(0, 9))
def test_tensors_have_the_same_mean(scales: list[float], people: int, seed: int) -> None:
    average = CropScales(scales, Codec("udp", (64, 96))).average()
    maps = np.random.default_rng(seed).normal(size=(len(scales) * people, 2, 24, 16)).astype(np.float32)
    mean = ScaleAverage(*map(torch.from_numpy, average)).mean(torch.from_numpy(maps))
    assert mean.shape == (people, 2, 24, 16)
    np.testing.assert_allclose(mean, average.mean(maps), atol=1e-5)


@pytest.mark.parametrize("scales", [(), (0.0,), (1.0, 2.1), (float("nan"),), (1.0, -1.0), (float("inf"),)])
def test_invalid_scales(scales: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"scales must be .*0\.5 to 2\.0"):
        CropScales(scales, Codec())
