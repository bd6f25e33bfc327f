"""Image sizes, rescaled points, sampling and padding."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.flow.pixels import is_inside, pad_image, reduced_size, rescale_points, sample_bilinear, to_grey
from pose_track.geometry.resize import downscale

repeatable = settings(derandomize=True, deadline=None, max_examples=80)
sides = st.integers(1, 300)


@given(sides, sides, st.integers(1, 400))
@repeatable
def test_reduced_size_fits_and_is_never_larger(w, h, long_side):
    small = reduced_size((w, h), long_side)
    assert max(small) == min(max(w, h), long_side)
    assert 1 <= small[0] <= w
    assert 1 <= small[1] <= h


def test_a_downscaled_spot_is_at_its_rescaled_point():
    """The centre of gravity of a Gaussian spot; the image size is not divisible by the factor."""
    y, x = np.indices((90, 125))
    image = (255 * np.exp(-((x - 61) ** 2 + (y - 41) ** 2) / 100)).astype(np.uint8)
    small = downscale(image, (50, 36)).astype(float)
    y, x = np.indices(small.shape)
    centre = [(small * x).sum() / small.sum(), (small * y).sum() / small.sum()]
    np.testing.assert_allclose(centre, rescale_points([[61, 41]], (125, 90), (50, 36))[0], atol=0.02)


@given(sides, sides, sides, sides, st.floats(-50, 400), st.floats(-50, 400))
@repeatable
def test_rescaling_back_restores(w, h, w2, h2, x, y):
    scaled = rescale_points([[x, y]], (w, h), (w2, h2))
    np.testing.assert_allclose(rescale_points(scaled, (w2, h2), (w, h)), [[x, y]], atol=1e-9)
    assert is_inside([[x, y]], (w, h))[0] == is_inside(scaled, (w2, h2))[0] or min(abs(x + 0.5), abs(y + 0.5)) < 1e-9


def test_resizing_to_the_same_size_returns_the_image():
    image = np.arange(24, dtype=np.uint8).reshape(4, 6)
    assert downscale(image, (6, 4)) is image
    assert to_grey(image) is image
    assert to_grey(np.full((4, 6, 3), 77, np.uint8)).tolist() == np.full((4, 6), 77).tolist()


@given(st.integers(1, 12), st.integers(1, 12), st.floats(-2, 14), st.floats(-2, 14))
@repeatable
def test_a_linear_field_is_sampled_exactly(w, h, x, y):
    columns, rows = np.meshgrid(np.arange(w), np.arange(h))
    field = np.stack([2.0 * columns - rows, columns + 3.0 * rows], axis=2).astype(np.float32)
    u, v = np.clip(x, 0, w - 1), np.clip(y, 0, h - 1)
    np.testing.assert_allclose(sample_bilinear(field, np.array([[x, y]])), [[2 * u - v, u + 3 * v]], atol=1e-5)


@given(sides, sides, st.sampled_from([1, 8]), st.sampled_from([1, 16, 128]))
@repeatable
def test_padding(w, h, multiple, min_side):
    image = np.random.default_rng(w * h).integers(0, 256, (h, w, 3), dtype=np.uint8)
    result = pad_image(image, multiple, min_side)
    assert result.shape[0] % multiple == result.shape[1] % multiple == 0
    assert max(h, min_side) <= result.shape[0] < max(h, min_side) + multiple
    assert np.array_equal(result[:h, :w], image)
    assert np.array_equal(result[-1, -1], image[-1, -1])
