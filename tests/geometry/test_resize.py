"""Pictures made smaller, against the mean of one step."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.geometry.resize import shrunk


def smooth(width: int, height: int, channels: int, seed: int) -> np.ndarray:
    """A picture as a camera gives it: next to an edge there is no pixel of another world."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 8 + 2, width // 8 + 2, channels), np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, channels)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(120, 400), st.integers(120, 400)),
    st.tuples(st.floats(0.1, 1), st.floats(0.1, 1)),
    st.sampled_from([1, 3]),
    st.integers(0, 99),
)
def test_about_the_mean_of_what_each_pixel_covers(
    size: tuple[int, int], shares: tuple[float, float], channels: int, seed: int
) -> None:
    image = smooth(*size, channels, seed)
    small = tuple(max(1, round(side * share)) for side, share in zip(size, shares, strict=True))
    found = shrunk(image, small).reshape(small[1], small[0], channels)
    expected = cv2.resize(image, small, interpolation=cv2.INTER_AREA).reshape(found.shape)
    difference = np.abs(found.astype(int) - expected)
    assert difference.mean() < 4
    assert abs(found.mean() - expected.mean()) < 2


@pytest.mark.parametrize("size", [(64, 32), (32, 16), (16, 8), (8, 4)])
def test_whole_factors_are_exact_to_rounding(size: tuple[int, int]) -> None:
    image = smooth(64, 32, 3, 0)
    expected = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk(image, size).astype(int) - expected).max() <= 1


def test_a_picture_of_that_size_is_given_back() -> None:
    image = smooth(20, 10, 3, 0)
    assert shrunk(image, (20, 10)) is image
