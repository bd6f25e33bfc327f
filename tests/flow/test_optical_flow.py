"""Optical flow on synthetic images."""

import cv2
import numpy as np
import pytest
from flow.synthetic_images import grid, rotation, shift, texture_image
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.flow.methods import warp_by_field
from pose_track.flow.optical_flow import METHODS, OpticalFlow, build_flow, forward_backward_confidence
from pose_track.geometry.affine import apply_affine

repeatable = settings(derandomize=True, deadline=None, max_examples=12)
opencv_methods = pytest.mark.parametrize("method", ["dis", "lk"])
SIZE = (240, 160)
STILL = texture_image(SIZE)


def step_between(flow, before, after):
    flow.reset()
    flow.advance(before)
    return flow.advance(after)


class Recorder:
    """A method that moves all points to the right, and back again, and counts its calls."""

    needs_colour, reduction = False, 1

    def __init__(self, by=0.0, back=None):
        self.by, self.back, self.num_calls = by, -by if back is None else back, 0

    def __call__(self, before, after):
        shift_x = self.back if self.num_calls % 2 else self.by
        self.num_calls += 1
        return warp_by_field(np.full((*before.shape, 2), (shift_x, 0), np.float32))


@opencv_methods
@pytest.mark.parametrize("by", [(0.3, -0.6), (2.5, 1.25), (-7.75, 4.0), (20.0, 0.0), (-12.0, -16.0)])
def test_shifts(method, by):
    step = step_between(build_flow(method), STILL, texture_image(SIZE, shift(*by)))
    warped, confidence = step.warp(grid(SIZE))
    errors = np.linalg.norm(warped - grid(SIZE) - by, axis=1)
    assert np.median(errors) < 0.1
    assert np.percentile(errors, 90) < 0.3
    assert np.median(confidence) > 0.9
    assert (warped.dtype, confidence.dtype, confidence.shape) == (np.float32, np.float32, (len(warped),))


@opencv_methods
@pytest.mark.parametrize(("degrees", "zoom"), [(4, 1.0), (0, 1.06), (-3, 0.95)])
def test_rotations_and_zooms(method, degrees, zoom):
    matrix = rotation(degrees, zoom, np.array([130.0, 70.0]))
    warped, confidence = step_between(build_flow(method), STILL, texture_image(SIZE, matrix)).warp(grid(SIZE))
    errors = np.linalg.norm(warped - apply_affine(matrix, grid(SIZE)), axis=1)
    unwarped = np.linalg.norm(grid(SIZE) - apply_affine(matrix, grid(SIZE)), axis=1)
    assert np.median(errors) < 0.35 < np.median(unwarped) / 5
    assert np.percentile(errors[confidence > 0.5], 90) < 0.8


@opencv_methods
@pytest.mark.parametrize("long_side", [119, 120, 200])
def test_downscaling_gives_the_same_points_of_the_frame(method, long_side):
    """Also for sizes that are not divisible."""
    warped, _ = step_between(build_flow(method, long_side), STILL, texture_image(SIZE, shift(6.5, -3.25))).warp(
        grid(SIZE)
    )
    errors = np.linalg.norm(warped - grid(SIZE) - (6.5, -3.25), axis=1)
    assert np.median(errors) < 0.2 * max(SIZE) / long_side


def test_a_method_with_a_reduction_gets_smaller_images_and_the_same_tolerance():
    """An error of 2 pixels of the image that is 120 wide has confidence 0, whatever the method looks at."""

    class Reduced(Recorder):
        reduction = 4

        def __call__(self, before, after):
            assert before.shape == after.shape == (20, 30)
            return super().__call__(before, after)

    for back, expected in [(0, 1), (0.25, 0.5), (0.5, 0)]:
        warped, confidence = step_between(OpticalFlow(Reduced(0, back), 120, 2.0), STILL, STILL).warp([[100, 80]])
        assert confidence[0] == pytest.approx(expected, abs=0.01)
    warped, _ = step_between(OpticalFlow(Reduced(0.5), 120, 2.0), STILL, STILL).warp([[100, 80]])
    assert warped.tolist() == [[104, 80]]


def test_the_method_gets_points_of_the_downscaled_image():
    inputs = []

    class RecordingMethod:
        needs_colour, reduction = False, 1

        def __call__(self, before, after):
            assert before.shape == after.shape == (40, 120)
            return self.map_points

        def map_points(self, points):
            inputs.append(points)
            return points + np.array([1, 2])

    image = texture_image((240, 80))
    step = step_between(OpticalFlow(RecordingMethod(), 120, 2.0), image, image)
    warped, _ = step.warp([[0, 0], [1, 1], [-0.5, -0.5], [101, 51]])
    assert inputs[0].tolist() == [[-0.25, -0.25], [0.25, 0.25], [-0.5, -0.5], [50.25, 25.25]]
    assert warped.tolist() == [[2, 4], [3, 5], [1.5, 3.5], [103, 55]]


@opencv_methods
def test_occluded_points_have_low_confidence(method):
    """A square moves over the background by 14 pixels, to the right."""
    size, by = (400, 280), 14
    background, front = texture_image(size), texture_image((120, 120), seed=6)

    def with_square(left):
        image = background.copy()
        image[80:200, left : left + 120] = front
        return image

    step = step_between(build_flow(method), with_square(100), with_square(100 + by))
    x, y = np.meshgrid(np.arange(221, 220 + by, 2), np.arange(90, 191, 5))
    _, confidence = step.warp(np.stack([x.ravel(), y.ravel()], axis=1))
    assert confidence.mean() < 0.3
    points_everywhere = grid(size, 20, 10)
    distance = np.abs(points_everywhere - (160, 140)).max(axis=1)
    for points, expected in [(points_everywhere[distance < 40], (by, 0)), (points_everywhere[distance > 95], (0, 0))]:
        warped, confidence = step.warp(points)
        assert np.median(np.abs(warped - points - expected).max(axis=1)) < 0.1
        assert confidence.mean() > 0.9


@opencv_methods
def test_points_outside_stay_with_confidence_0(method):
    points = np.array([[-0.6, 50], [50, 159.6], [1000, -1000], [np.nan, 5], [np.inf, 5], [100, 80]], np.float32)
    warped, confidence = step_between(build_flow(method), STILL, texture_image(SIZE, shift(5, 0))).warp(points)
    assert np.array_equal(warped[:5], points[:5], equal_nan=True)
    assert confidence[:5].tolist() == [0] * 5
    assert abs(warped[5, 0] - 105) < 0.3
    assert confidence[5] > 0.9


def test_points_that_leave_the_image_have_confidence_0():
    step = step_between(OpticalFlow(Recorder(by=20), 512, 2.0), STILL, STILL)
    warped, confidence = step.warp([[100, 80], [219.4, 80], [219.6, 80]])
    np.testing.assert_allclose(warped[:, 0], [120, 239.4, 239.6], atol=1e-4)
    assert confidence.tolist() == [1, 1, 0]


def test_lost_points_stay_where_they_are():
    """Lost forwards, whatever the backward flow finds."""

    class LosingMethod(Recorder):
        def __call__(self, before, after):
            is_forward = self.num_calls == 0
            self.num_calls += 1
            return lambda points: np.where((points[:, :1] > 50) & is_forward, np.nan, points)

    warped, confidence = step_between(OpticalFlow(LosingMethod(), 512, 2.0), STILL, STILL).warp([[10, 10], [60, 10]])
    assert warped.tolist() == [[10, 10], [60, 10]]
    assert confidence.tolist() == [1, 0]


def test_lucas_kanade_loses_points_without_texture():
    image = STILL.copy()
    image[:, :120] = 90
    warped, confidence = step_between(build_flow("lk"), image, image).warp([[40, 80], [190, 80]])
    assert warped[0].tolist() == [40, 80]
    assert confidence.tolist() == [0, pytest.approx(1, abs=1e-3)]


def test_confidence_falls_with_the_error_in_pixels_of_the_downscaled_image():
    """An error of 2 of its pixels is 4 of the frame's; for a displacement of 40 the tolerance is larger."""
    for long_side, back, expected in [(240, 0, 1), (240, 0.5, 0.75), (240, 2, 0), (120, 1, 0.5), (120, 2, 0)]:
        step = step_between(OpticalFlow(Recorder(0, back), long_side, 2.0), STILL, STILL)
        assert step.warp([[100, 80]])[1][0] == pytest.approx(expected, abs=0.02)
    far = step_between(OpticalFlow(Recorder(40, -37), 240, 2.0), STILL, STILL).warp([[100, 80]])[1][0]
    assert far == pytest.approx(1 - 3 / np.sqrt(4 + 0.01 * (40**2 + 37**2)))
    assert step_between(OpticalFlow(Recorder(0, 2), 240, 8.0), STILL, STILL).warp([[100, 80]])[1][0] > 0.7


@given(st.floats(0, 40), st.floats(0, 40), st.floats(0.1, 5), st.floats(-60, 60))
@repeatable
def test_confidence_does_not_increase_with_the_error(error, other, max_error, displacement):
    def confidence(error):
        forward, backward = np.array([[0.0, displacement]]), np.array([[error, 0.0]])
        return forward_backward_confidence(np.zeros((1, 2)), forward, backward, max_error)[0]

    assert confidence(0) == 1
    assert 0 <= confidence(max(error, other)) <= confidence(min(error, other)) <= 1


@opencv_methods
def test_no_points(method):
    for points in ([], np.zeros((0, 2)), np.zeros((0, 2), np.float32)):
        warped, confidence = step_between(build_flow(method), STILL, STILL).warp(points)
        assert (warped.shape, confidence.shape) == ((0, 2), (0,))


def test_the_flow_is_computed_when_needed_and_once_in_each_direction():
    method = Recorder()
    flow = OpticalFlow(method, 512, 2.0)
    flow.advance(STILL)
    for _ in range(3):
        step = flow.advance(STILL)
        step.warp([])
        step.warp([[-9, -9]])
    assert method.num_calls == 0
    for _ in range(3):
        step.warp([[9, 9]])
    assert method.num_calls == 2


def test_an_older_step_stays_valid():
    flow = build_flow("dis")
    flow.advance(STILL)
    older = flow.advance(texture_image(SIZE, shift(6, 0)))
    flow.advance(texture_image(SIZE, shift(6, 9)))
    np.testing.assert_allclose(older.warp([[100, 80]])[0], [[106, 80]], atol=0.3)


@opencv_methods
def test_the_first_image_and_reset(method):
    flow = build_flow(method)
    for _ in range(2):
        step = flow.advance(STILL)
        assert (step.is_first, step.is_cut) == (True, False)
        warped, confidence = step.warp([[100, 80]])
        assert (warped.tolist(), confidence.tolist()) == ([[100, 80]], [0])
        step = flow.advance(texture_image(SIZE, shift(3, 0)))
        assert (step.is_first, step.is_cut) == (False, False)
        assert step.warp([[100, 80]])[1][0] > 0.9
        flow.reset()


def test_no_point_is_warped_across_a_cut():
    method = Recorder(by=7)
    step = step_between(OpticalFlow(method, 512, 2.0), STILL, texture_image(SIZE, seed=8))
    assert (step.is_first, step.is_cut) == (False, True)
    warped, confidence = step.warp([[100, 80]])
    assert (warped.tolist(), confidence.tolist()) == ([[100, 80]], [0])
    assert method.num_calls == 0


@pytest.mark.parametrize("size", [(240, 162), (480, 320)])
def test_an_image_of_another_size_is_a_cut(size):
    flow = build_flow("dis", 120)
    larger = cv2.resize(STILL, size)
    assert step_between(flow, STILL, larger).is_cut
    assert not flow.advance(larger).is_cut


@opencv_methods
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 200), (97, 3), (17, 13), (251, 143), (640, 31)])
def test_odd_sizes(method, size):
    image = texture_image(size)
    for long_side in (512, 150):
        step = step_between(build_flow(method, long_side), image, image)
        middle = np.array([size], np.float32) / 2 - 0.5
        warped, confidence = step.warp(middle)
        np.testing.assert_allclose(warped, middle, atol=0.05)
        assert ((confidence >= 0) & (confidence <= 1)).all()


@opencv_methods
@given(st.lists(st.tuples(st.floats(-20, 260, width=32), st.floats(-20, 180, width=32)), min_size=1, max_size=12))
@repeatable
def test_identical_images_move_nothing(method, points):
    points = np.array(points, np.float32)
    warped, _ = step_between(build_flow(method, 128), STILL, STILL).warp(points)
    np.testing.assert_allclose(warped, points, atol=0.01)


@opencv_methods
@given(st.permutations(range(20)))
@repeatable
def test_points_are_warped_independently(method, order):
    points = np.random.default_rng(3).uniform((-20, -20), (260, 180), (20, 2)).astype(np.float32)
    step = step_between(build_flow(method, 128), STILL, texture_image(SIZE, shift(4, -7)))
    warped, confidence = step.warp(points)
    warped_in_order, confidence_in_order = step.warp(points[order])
    np.testing.assert_allclose(warped_in_order, warped[order], atol=1e-4)
    np.testing.assert_allclose(confidence_in_order, confidence[order], atol=1e-4)


def test_points_and_images_are_not_changed():
    points, image = grid(SIZE), STILL.copy()
    step_between(build_flow("dis"), image, texture_image(SIZE, shift(4, 0))).warp(points)
    assert np.array_equal(points, grid(SIZE))
    assert np.array_equal(image, STILL)


@pytest.mark.parametrize("points", [[1, 2], [[1, 2, 3]], [[[1, 2]]]])
def test_points_of_another_shape(points):
    with pytest.raises(ValueError, match=r"\(P, 2\)"):
        step_between(build_flow("dis"), STILL, STILL).warp(points)


@pytest.mark.parametrize("image", [STILL[..., 0], STILL.astype(np.float32), np.zeros((9, 9, 4), np.uint8)])
def test_other_images(image):
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8, got \(.* (uint8|float32)"):
        build_flow("dis").advance(image)


def test_arguments():
    assert METHODS == ("dis", "lk", "raft_small", "raft_large")
    with pytest.raises(ValueError, match=r"'farneback'.* dis, lk, raft_small"):
        build_flow("farneback")
    with pytest.raises(ValueError, match=r"'lk' .* 'raft\.pth'"):
        build_flow("lk", weights="raft.pth")
    with pytest.raises(ValueError, match=r"long_side .* 0"):
        build_flow("dis", 0)
    for max_error in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="max_error"):
            build_flow("dis", max_error=max_error)
