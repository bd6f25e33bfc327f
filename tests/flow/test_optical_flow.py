import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_images import grid, shift, texture_image, turned

from pose_track.flow.methods import along
from pose_track.flow.optical_flow import METHODS, OpticalFlow, make_flow, round_trip_trust
from pose_track.geometry.affine import apply_affine

repeatable = settings(derandomize=True, deadline=None, max_examples=12)
light = pytest.mark.parametrize("method", ["dis", "lk"])
SIZE = (240, 160)
STILL = texture_image(SIZE)


def step_between(flow, before, after):
    flow.reset()
    flow.advance(before)
    return flow.advance(after)


class Recorder:
    """A method that moves everything by as much to the right, and back again, and counts how often it is asked."""

    needs_colour = False

    def __init__(self, by=0.0, back=None):
        self.by, self.back, self.num_calls = by, -by if back is None else back, 0

    def __call__(self, before, after):
        shift_x = self.back if self.num_calls % 2 else self.by
        self.num_calls += 1
        return along(np.full((*before.shape, 2), (shift_x, 0), np.float32))


@light
@pytest.mark.parametrize("by", [(0.3, -0.6), (2.5, 1.25), (-7.75, 4.0), (20.0, 0.0), (-12.0, -16.0)])
def test_shifts(method, by):
    step = step_between(make_flow(method), STILL, texture_image(SIZE, shift(*by)))
    moved, trust = step.move(grid(SIZE))
    errors = np.linalg.norm(moved - grid(SIZE) - by, axis=1)
    assert np.median(errors) < 0.1
    assert np.percentile(errors, 90) < 0.3
    assert np.median(trust) > 0.9
    assert (moved.dtype, trust.dtype, trust.shape) == (np.float32, np.float32, (len(moved),))


@light
@pytest.mark.parametrize(("degrees", "zoom"), [(4, 1.0), (0, 1.06), (-3, 0.95)])
def test_turns_and_zooms(method, degrees, zoom):
    matrix = turned(degrees, zoom, np.array([130.0, 70.0]))
    moved, trust = step_between(make_flow(method), STILL, texture_image(SIZE, matrix)).move(grid(SIZE))
    errors = np.linalg.norm(moved - apply_affine(matrix, grid(SIZE)), axis=1)
    unmoved = np.linalg.norm(grid(SIZE) - apply_affine(matrix, grid(SIZE)), axis=1)
    assert np.median(errors) < 0.35 < np.median(unmoved) / 5
    assert np.percentile(errors[trust > 0.5], 90) < 0.8


@light
@pytest.mark.parametrize("long_side", [119, 120, 200])
def test_a_smaller_picture_gives_the_same_in_the_frame(method, long_side):
    """Also where sides do not divide."""
    moved, _ = step_between(make_flow(method, long_side), STILL, texture_image(SIZE, shift(6.5, -3.25))).move(
        grid(SIZE)
    )
    errors = np.linalg.norm(moved - grid(SIZE) - (6.5, -3.25), axis=1)
    assert np.median(errors) < 0.2 * max(SIZE) / long_side


def test_points_are_asked_for_at_their_place_in_the_smaller_picture():
    asked = []

    class Asked:
        needs_colour = False

        def __call__(self, before, after):
            assert before.shape == after.shape == (40, 120)
            return self.find

        def find(self, points):
            asked.append(points)
            return points + np.array([1, 2])

    image = texture_image((240, 80))
    step = step_between(OpticalFlow(Asked(), 120, 2.0), image, image)
    moved, _ = step.move([[0, 0], [1, 1], [-0.5, -0.5], [101, 51]])
    assert asked[0].tolist() == [[-0.25, -0.25], [0.25, 0.25], [-0.5, -0.5], [50.25, 25.25]]
    assert moved.tolist() == [[2, 4], [3, 5], [1.5, 3.5], [103, 55]]


@light
def test_what_is_covered_is_not_trusted(method):
    """A square moves over the background by 14 pixels, to the right."""
    size, by = (400, 280), 14
    background, front = texture_image(size), texture_image((120, 120), seed=6)

    def with_square(left):
        image = background.copy()
        image[80:200, left : left + 120] = front
        return image

    step = step_between(make_flow(method), with_square(100), with_square(100 + by))
    x, y = np.meshgrid(np.arange(221, 220 + by, 2), np.arange(90, 191, 5))
    _, trust = step.move(np.stack([x.ravel(), y.ravel()], axis=1))
    assert trust.mean() < 0.3
    everywhere = grid(size, 20, 10)
    distance = np.abs(everywhere - (160, 140)).max(axis=1)
    for points, expected in [(everywhere[distance < 40], (by, 0)), (everywhere[distance > 95], (0, 0))]:
        moved, trust = step.move(points)
        assert np.median(np.abs(moved - points - expected).max(axis=1)) < 0.1
        assert trust.mean() > 0.9


@light
def test_points_outside_stay_untrusted_where_they_are(method):
    points = np.array([[-0.6, 50], [50, 159.6], [1000, -1000], [np.nan, 5], [np.inf, 5], [100, 80]], np.float32)
    moved, trust = step_between(make_flow(method), STILL, texture_image(SIZE, shift(5, 0))).move(points)
    assert np.array_equal(moved[:5], points[:5], equal_nan=True)
    assert trust[:5].tolist() == [0] * 5
    assert abs(moved[5, 0] - 105) < 0.3
    assert trust[5] > 0.9


def test_what_moves_out_is_not_trusted():
    step = step_between(OpticalFlow(Recorder(by=20), 512, 2.0), STILL, STILL)
    moved, trust = step.move([[100, 80], [219.4, 80], [219.6, 80]])
    np.testing.assert_allclose(moved[:, 0], [120, 239.4, 239.6], atol=1e-4)
    assert trust.tolist() == [1, 1, 0]


def test_lost_points_stay_where_they_are():
    """Lost on the way there, whatever is found on the way back."""

    class Loser(Recorder):
        def __call__(self, before, after):
            there = self.num_calls == 0
            self.num_calls += 1
            return lambda points: np.where((points[:, :1] > 50) & there, np.nan, points)

    moved, trust = step_between(OpticalFlow(Loser(), 512, 2.0), STILL, STILL).move([[10, 10], [60, 10]])
    assert moved.tolist() == [[10, 10], [60, 10]]
    assert trust.tolist() == [1, 0]


def test_lucas_kanade_loses_points_without_texture():
    image = STILL.copy()
    image[:, :120] = 90
    moved, trust = step_between(make_flow("lk"), image, image).move([[40, 80], [190, 80]])
    assert moved[0].tolist() == [40, 80]
    assert trust.tolist() == [0, pytest.approx(1, abs=1e-3)]


def test_trust_falls_with_the_error_in_pixels_of_the_small_picture():
    """An error of 2 of its pixels is 4 of the frame's; with a way of 40 the tolerance is larger."""
    for long_side, back, expected in [(240, 0, 1), (240, 0.5, 0.75), (240, 2, 0), (120, 1, 0.5), (120, 2, 0)]:
        step = step_between(OpticalFlow(Recorder(0, back), long_side, 2.0), STILL, STILL)
        assert step.move([[100, 80]])[1][0] == pytest.approx(expected, abs=0.02)
    far = step_between(OpticalFlow(Recorder(40, -37), 240, 2.0), STILL, STILL).move([[100, 80]])[1][0]
    assert far == pytest.approx(1 - 3 / np.sqrt(4 + 0.01 * (40**2 + 37**2)))
    assert step_between(OpticalFlow(Recorder(0, 2), 240, 8.0), STILL, STILL).move([[100, 80]])[1][0] > 0.7


@given(st.floats(0, 40), st.floats(0, 40), st.floats(0.1, 5), st.floats(-60, 60))
@repeatable
def test_a_larger_error_is_never_trusted_more(error, other, max_error, way):
    def trust(error):
        return round_trip_trust(np.zeros((1, 2)), np.array([[0.0, way]]), np.array([[error, 0.0]]), max_error)[0]

    assert trust(0) == 1
    assert 0 <= trust(max(error, other)) <= trust(min(error, other)) <= 1


@light
def test_no_points(method):
    for points in ([], np.zeros((0, 2)), np.zeros((0, 2), np.float32)):
        moved, trust = step_between(make_flow(method), STILL, STILL).move(points)
        assert (moved.shape, trust.shape) == ((0, 2), (0,))


def test_the_flow_is_computed_when_needed_and_once_each_way():
    method = Recorder()
    flow = OpticalFlow(method, 512, 2.0)
    flow.advance(STILL)
    for _ in range(3):
        step = flow.advance(STILL)
        step.move([])
        step.move([[-9, -9]])
    assert method.num_calls == 0
    for _ in range(3):
        step.move([[9, 9]])
    assert method.num_calls == 2


def test_an_older_step_stays_valid():
    flow = make_flow("dis")
    flow.advance(STILL)
    older = flow.advance(texture_image(SIZE, shift(6, 0)))
    flow.advance(texture_image(SIZE, shift(6, 9)))
    np.testing.assert_allclose(older.move([[100, 80]])[0], [[106, 80]], atol=0.3)


@light
def test_the_first_picture_and_reset(method):
    flow = make_flow(method)
    for _ in range(2):
        step = flow.advance(STILL)
        assert (step.is_first, step.is_cut) == (True, False)
        moved, trust = step.move([[100, 80]])
        assert (moved.tolist(), trust.tolist()) == ([[100, 80]], [0])
        step = flow.advance(texture_image(SIZE, shift(3, 0)))
        assert (step.is_first, step.is_cut) == (False, False)
        assert step.move([[100, 80]])[1][0] > 0.9
        flow.reset()


def test_nothing_is_carried_across_a_cut():
    method = Recorder(by=7)
    step = step_between(OpticalFlow(method, 512, 2.0), STILL, texture_image(SIZE, seed=8))
    assert (step.is_first, step.is_cut) == (False, True)
    moved, trust = step.move([[100, 80]])
    assert (moved.tolist(), trust.tolist()) == ([[100, 80]], [0])
    assert method.num_calls == 0


@pytest.mark.parametrize("size", [(240, 162), (480, 320)])
def test_a_picture_of_another_size_is_a_cut(size):
    flow = make_flow("dis", 120)
    larger = cv2.resize(STILL, size)
    assert step_between(flow, STILL, larger).is_cut
    assert not flow.advance(larger).is_cut


@light
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 200), (97, 3), (17, 13), (251, 143), (640, 31)])
def test_odd_sizes(method, size):
    image = texture_image(size)
    for long_side in (512, 150):
        step = step_between(make_flow(method, long_side), image, image)
        middle = np.array([size], np.float32) / 2 - 0.5
        moved, trust = step.move(middle)
        np.testing.assert_allclose(moved, middle, atol=0.05)
        assert ((trust >= 0) & (trust <= 1)).all()


@light
@given(st.lists(st.tuples(st.floats(-20, 260, width=32), st.floats(-20, 180, width=32)), min_size=1, max_size=12))
@repeatable
def test_identical_pictures_move_nothing(method, points):
    points = np.array(points, np.float32)
    moved, _ = step_between(make_flow(method, 128), STILL, STILL).move(points)
    np.testing.assert_allclose(moved, points, atol=0.01)


@light
@given(st.permutations(range(20)))
@repeatable
def test_each_point_is_moved_by_itself(method, order):
    points = np.random.default_rng(3).uniform((-20, -20), (260, 180), (20, 2)).astype(np.float32)
    step = step_between(make_flow(method, 128), STILL, texture_image(SIZE, shift(4, -7)))
    moved, trust = step.move(points)
    moved_in_order, trust_in_order = step.move(points[order])
    np.testing.assert_allclose(moved_in_order, moved[order], atol=1e-4)
    np.testing.assert_allclose(trust_in_order, trust[order], atol=1e-4)


def test_points_and_pictures_are_left_as_they_are():
    points, image = grid(SIZE), STILL.copy()
    step_between(make_flow("dis"), image, texture_image(SIZE, shift(4, 0))).move(points)
    assert np.array_equal(points, grid(SIZE))
    assert np.array_equal(image, STILL)


@pytest.mark.parametrize("points", [[1, 2], [[1, 2, 3]], [[[1, 2]]]])
def test_points_of_another_shape(points):
    with pytest.raises(ValueError, match=r"points must have shape \(P, 2\), got \("):
        step_between(make_flow("dis"), STILL, STILL).move(points)


@pytest.mark.parametrize("image", [STILL[..., 0], STILL.astype(np.float32), np.zeros((9, 9, 4), np.uint8)])
def test_other_pictures(image):
    with pytest.raises(ValueError, match=r"image must be \(H, W, 3\) uint8, got \(.* (uint8|float32)"):
        make_flow("dis").advance(image)


def test_arguments():
    assert METHODS == ("dis", "lk", "raft_small", "raft_large")
    with pytest.raises(ValueError, match="unknown flow method 'farneback'; choose one of dis, lk, raft_small"):
        make_flow("farneback")
    with pytest.raises(ValueError, match=r"'lk' has no weights, got 'raft\.pth'; leave them out"):
        make_flow("lk", weights="raft.pth")
    with pytest.raises(ValueError, match="long_side must be 1 or more, got 0"):
        make_flow("dis", 0)
    for max_error in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="max_error must be above 0, got"):
            make_flow("dis", max_error=max_error)
