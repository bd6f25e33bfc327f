import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pose_track.formats.xywh import xywh_to_xyxy, xyxy_to_xywh

decimals = st.integers(-(10**9), 10**9).map(lambda n: n / 10**5)
floats = st.floats(-1e4, 1e4)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, (5, 4), elements=decimals))
def test_round_trip_of_few_decimals_is_exact(boxes):
    np.testing.assert_array_equal(xywh_to_xyxy(xyxy_to_xywh(boxes)), boxes)
    np.testing.assert_array_equal(xyxy_to_xywh(xywh_to_xyxy(boxes)), boxes)
    assert all(len(repr(float(v)).partition(".")[2]) <= 5 for v in xyxy_to_xywh(boxes).flat if abs(v) > 1e-4)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, (5, 4), elements=floats))
def test_round_trip_of_any_numbers(boxes):
    np.testing.assert_allclose(xywh_to_xyxy(xyxy_to_xywh(boxes)), boxes, rtol=0, atol=1e-11)
    np.testing.assert_allclose(xyxy_to_xywh(xywh_to_xyxy(boxes)), boxes, rtol=0, atol=1e-11)


def test_sums_are_decimal():
    assert xywh_to_xyxy([[0.1, 557.85, 0.2, 83.89]]).tolist() == [[0.1, 557.85, 0.3, 641.74]]
    assert xyxy_to_xywh([[0.1, 557.85, 0.3, 641.74]]).tolist() == [[0.1, 557.85, 0.2, 83.89]]


def test_no_boxes_and_missing_boxes():
    assert xywh_to_xyxy(np.zeros((0, 4))).shape == xyxy_to_xywh(np.zeros((0, 4))).shape == (0, 4)
    boxes = np.array([[1, 2, 3, 4], [np.nan] * 4])
    np.testing.assert_array_equal(xywh_to_xyxy(boxes), [[1, 2, 4, 6], [np.nan] * 4])
    np.testing.assert_array_equal(xyxy_to_xywh(boxes), [[1, 2, 2, 2], [np.nan] * 4])
