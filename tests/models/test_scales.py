from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.geometry.affine import apply_affine
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import Kind
from pose_track.models.scales import CropScales, Mixing, resampling

SCALE = st.floats(0.5, 2)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(length=st.integers(2, 40), scale=SCALE, unbiased=st.booleans())
def test_rows_share_the_cells_about_their_place(length: int, scale: float, unbiased: bool) -> None:
    """What is linear stays linear, so that a joint stays where it is; beyond the border there is nothing."""
    middle = (length - unbiased) / 2
    weights = resampling(length, middle, scale)
    places = middle + (np.arange(length) - middle) / scale
    inside = (places >= 0) & (places <= length - 1)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights.sum(axis=1)[inside], 1, atol=1e-5)
    np.testing.assert_allclose((weights @ np.arange(length))[inside], places[inside], atol=1e-4)
    assert not weights[(places < -1e-3) | (places > length - 1 + 1e-3)].any()
    if scale == 1:
        np.testing.assert_array_equal(weights, np.eye(length))


@pytest.mark.parametrize("kind", ["plain", "udp"])
@settings(derandomize=True, max_examples=50, deadline=None)
@given(scale=SCALE, x=st.floats(-99, 99), y=st.floats(-99, 99), width=st.floats(5, 500), degrees=st.floats(-180, 180))
def test_crops_are_larger_about_the_same_centre(
    kind: Kind, scale: float, x: float, y: float, width: float, degrees: float
) -> None:
    """Also turned; and a joint of scale 1 is brought to its place in them."""
    codec = Codec(kind, (96, 128))
    scales = CropScales([scale], codec)
    matrix = codec.matrix([x, y], width, degrees)
    (found,) = scales.matrices(matrix[None])
    np.testing.assert_allclose(found[0], codec.matrix([x, y], width * scale, degrees), rtol=1e-9, atol=1e-7)
    place = np.array([[x + 5, y - 3]])
    factor, offset = scales.to_nearest()
    np.testing.assert_allclose(
        apply_affine(matrix, place) * factor + offset, apply_affine(found[0], place), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    ("scales", "nearest"),
    [((1.0,), 0), ((0.8, 1, 1.25), 1), ((1.25, 0.8), 1), ((1.1, 0.9), 0), ((0.9, 1.1), 0), ((2, 0.5), 1)],
)
def test_which_scale_is_nearest_to_1(scales: tuple[float, ...], nearest: int) -> None:
    found = CropScales(scales, Codec())
    assert found.nearest == nearest
    assert found.trivial == (scales == (1.0,))
    maps = np.arange(len(scales)).repeat(3)  # three people
    assert found.of_nearest(maps).tolist() == [nearest] * 3


@pytest.mark.parametrize("kind", ["plain", "udp"])
def test_what_a_smaller_crop_does_not_reach_does_not_count(kind: Kind) -> None:
    """Maps of 1, 2 and 3 everywhere."""
    codec = Codec(kind, (64, 96))
    maps = np.ones((3, 1, 1, 24, 16), np.float32) * np.array([1, 2, 3])[:, None, None, None, None]
    mean = CropScales([0.5, 0.75, 1], codec).mixing().mean(maps.reshape(3, 1, 24, 16).astype(np.float32))[0, 0]
    assert mean.dtype == np.float32
    np.testing.assert_allclose([mean[12, 8], mean[12, 2], mean[12, 0], mean[0, 8]], [2, 2.5, 3, 3], rtol=1e-6)
    alone = CropScales([0.5], codec).mixing().mean(maps[0])[0, 0]
    np.testing.assert_allclose([alone[12, 8], alone[12, 0], alone[0, 0]], [1, 0, 0], rtol=1e-6)


@settings(derandomize=True, max_examples=30, deadline=None)
@given(scales=st.lists(SCALE, min_size=1, max_size=4), people=st.integers(0, 3), seed=st.integers(0, 9))
def test_tensors_have_the_same_mean(scales: list[float], people: int, seed: int) -> None:
    mixing = CropScales(scales, Codec("udp", (64, 96))).mixing()
    maps = np.random.default_rng(seed).normal(size=(len(scales) * people, 2, 24, 16)).astype(np.float32)
    ours = Mixing(*map(torch.from_numpy, mixing)).mean(torch.from_numpy(maps))
    assert ours.shape == (people, 2, 24, 16)
    np.testing.assert_allclose(ours, mixing.mean(maps), atol=1e-5)


@pytest.mark.parametrize("scales", [(), (0.0,), (1.0, 2.1), (float("nan"),), (1.0, -1.0), (float("inf"),)])
def test_scales_that_cannot_be(scales: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"scales must be one or more numbers from 0\.5 to 2\.0, got \("):
        CropScales(scales, Codec())
