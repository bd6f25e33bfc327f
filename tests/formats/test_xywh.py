import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pose_track.formats.xywh import to_corners, to_spans

decimals = st.integers(-(10**9), 10**9).map(lambda n: n / 10**5)
floats = st.floats(-1e4, 1e4)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, (5, 4), elements=decimals))
def test_there_and_back_loses_nothing_of_numbers_with_few_decimals(boxes):
    np.testing.assert_array_equal(to_corners(to_spans(boxes)), boxes)
    np.testing.assert_array_equal(to_spans(to_corners(boxes)), boxes)
    assert all(len(repr(float(v)).partition(".")[2]) <= 5 for v in to_spans(boxes).flat if abs(v) > 1e-4)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, (5, 4), elements=floats))
def test_there_and_back_loses_next_to_nothing_of_any(boxes):
    np.testing.assert_allclose(to_corners(to_spans(boxes)), boxes, rtol=0, atol=1e-11)
    np.testing.assert_allclose(to_spans(to_corners(boxes)), boxes, rtol=0, atol=1e-11)


def test_sums_are_those_of_the_numbers_as_written():
    assert to_corners([[0.1, 557.85, 0.2, 83.89]]).tolist() == [[0.1, 557.85, 0.3, 641.74]]
    assert to_spans([[0.1, 557.85, 0.3, 641.74]]).tolist() == [[0.1, 557.85, 0.2, 83.89]]


def test_no_boxes_and_boxes_that_are_not_told():
    assert to_corners(np.zeros((0, 4))).shape == to_spans(np.zeros((0, 4))).shape == (0, 4)
    boxes = np.array([[1, 2, 3, 4], [np.nan] * 4])
    np.testing.assert_array_equal(to_corners(boxes), [[1, 2, 4, 6], [np.nan] * 4])
    np.testing.assert_array_equal(to_spans(boxes), [[1, 2, 2, 2], [np.nan] * 4])
