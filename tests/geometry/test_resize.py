"""Downscaling, compared with the mean in a single step."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.geometry.resize import downscale


def smooth_image(width: int, height: int, channels: int, seed: int) -> np.ndarray:
    """A smooth image, like that of a camera."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 8 + 2, width // 8 + 2, channels), np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, channels)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(120, 400), st.integers(120, 400)),
    st.tuples(st.floats(0.1, 1), st.floats(0.1, 1)),
    st.sampled_from([1, 3]),
    st.integers(0, 99),
)
def test_close_to_the_mean_of_the_covered_area(
    size: tuple[int, int], scales: tuple[float, float], channels: int, seed: int
) -> None:
    image = smooth_image(*size, channels, seed)
    target = tuple(max(1, round(side * scale)) for side, scale in zip(size, scales, strict=True))
    result = downscale(image, target).reshape(target[1], target[0], channels)
    expected = cv2.resize(image, target, interpolation=cv2.INTER_AREA).reshape(result.shape)
    difference = np.abs(result.astype(int) - expected)
    assert difference.mean() < 4
    assert abs(result.mean() - expected.mean()) < 2


@pytest.mark.parametrize("size", [(384, 216), (416, 234), (500, 281)])
def test_close_to_the_mean_of_the_area_also_where_details_are_fine(size: tuple[int, int]) -> None:
    """As close as the mean of the area of the image halved."""
    image = smooth_image(1280, 720, 3, 0)
    image[::3] = 255 - image[::3]
    expected = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    halved = cv2.resize(image, (640, 360), interpolation=cv2.INTER_AREA)
    by_halves = cv2.resize(halved, size, interpolation=cv2.INTER_AREA)
    error, limit = (np.abs(result.astype(int) - expected).mean() for result in (downscale(image, size), by_halves))
    assert error < max(1.5 * limit, 1)


@pytest.mark.parametrize("size", [(64, 32), (32, 16), (16, 8), (8, 4)])
def test_integer_factors_are_exact_up_to_rounding(size: tuple[int, int]) -> None:
    image = smooth_image(64, 32, 3, 0)
    expected = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    assert np.abs(downscale(image, size).astype(int) - expected).max() <= 1


def test_an_image_of_that_size_is_returned() -> None:
    image = smooth_image(20, 10, 3, 0)
    assert downscale(image, (20, 10)) is image
