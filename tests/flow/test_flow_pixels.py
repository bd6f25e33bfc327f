import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.flow.pixels import grey, in_picture, padded, reduced_size, rescaled, sampled
from pose_track.geometry.resize import shrunk

repeatable = settings(derandomize=True, deadline=None, max_examples=80)
sides = st.integers(1, 300)


@given(sides, sides, st.integers(1, 400))
@repeatable
def test_reduced_size_fits_and_is_never_larger(w, h, long_side):
    small = reduced_size((w, h), long_side)
    assert max(small) == min(max(w, h), long_side)
    assert 1 <= small[0] <= w
    assert 1 <= small[1] <= h


def test_a_spot_is_where_its_point_is_once_the_picture_is_smaller():
    """The centre of gravity of a soft spot, in a picture that does not divide by the factor."""
    y, x = np.indices((90, 125))
    image = (255 * np.exp(-((x - 61) ** 2 + (y - 41) ** 2) / 100)).astype(np.uint8)
    small = shrunk(image, (50, 36)).astype(float)
    y, x = np.indices(small.shape)
    centre = [(small * x).sum() / small.sum(), (small * y).sum() / small.sum()]
    np.testing.assert_allclose(centre, rescaled([[61, 41]], (125, 90), (50, 36))[0], atol=0.02)


@given(sides, sides, sides, sides, st.floats(-50, 400), st.floats(-50, 400))
@repeatable
def test_rescaling_back_restores(w, h, w2, h2, x, y):
    there = rescaled([[x, y]], (w, h), (w2, h2))
    np.testing.assert_allclose(rescaled(there, (w2, h2), (w, h)), [[x, y]], atol=1e-9)
    assert in_picture([[x, y]], (w, h))[0] == in_picture(there, (w2, h2))[0] or min(abs(x + 0.5), abs(y + 0.5)) < 1e-9


def test_resizing_to_its_own_size_is_the_picture_itself():
    image = np.arange(24, dtype=np.uint8).reshape(4, 6)
    assert shrunk(image, (6, 4)) is image
    assert grey(image) is image
    assert grey(np.full((4, 6, 3), 77, np.uint8)).tolist() == np.full((4, 6), 77).tolist()


@given(st.integers(1, 12), st.integers(1, 12), st.floats(-2, 14), st.floats(-2, 14))
@repeatable
def test_a_linear_field_is_sampled_exactly(w, h, x, y):
    columns, rows = np.meshgrid(np.arange(w), np.arange(h))
    field = np.stack([2.0 * columns - rows, columns + 3.0 * rows], axis=2).astype(np.float32)
    u, v = np.clip(x, 0, w - 1), np.clip(y, 0, h - 1)
    np.testing.assert_allclose(sampled(field, np.array([[x, y]])), [[2 * u - v, u + 3 * v]], atol=1e-5)


@given(sides, sides, st.sampled_from([1, 8]), st.sampled_from([1, 16, 128]))
@repeatable
def test_padding(w, h, multiple, least):
    image = np.random.default_rng(w * h).integers(0, 256, (h, w, 3), dtype=np.uint8)
    large = padded(image, multiple, least)
    assert large.shape[0] % multiple == large.shape[1] % multiple == 0
    assert max(h, least) <= large.shape[0] < max(h, least) + multiple
    assert np.array_equal(large[:h, :w], image)
    assert np.array_equal(large[-1, -1], image[-1, -1])
