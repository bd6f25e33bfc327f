from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pose_track.detection.detector import CentreDetector, letterbox
from pose_track.models.centre_boxes import PADDING_GREY, decode_centres
from pose_track.models.score_map import ScoreMap


def blank_output(height: int, width: int) -> np.ndarray:
    output = np.zeros((5, height, width), np.float32)
    output[0] = -200
    return output


def logit(score: float) -> float:
    return float(np.log(score / (1 - score)))


@pytest.mark.parametrize(
    ("size", "canvas", "content"),
    [
        ((640, 360), (320, 192), (320, 180)),  # wide
        ((360, 640), (192, 320), (180, 320)),  # tall
        ((320, 320), (320, 320), (320, 320)),  # unchanged
        ((5, 4), (320, 256), (320, 256)),  # tiny
        ((1000, 1), (320, 64), (320, 1)),  # a line
    ],
)
def test_letterbox(size: tuple[int, int], canvas: tuple[int, int], content: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), (200, 10, 60), np.uint8)
    canvas_image, factors = letterbox(image, 320, 64)
    assert canvas_image.shape == (canvas[1], canvas[0], 3)
    assert canvas_image.dtype == np.uint8
    assert (canvas_image[: content[1], : content[0]] == (200, 10, 60)).all()
    assert (canvas_image[content[1] :] == PADDING_GREY).all()
    assert (canvas_image[:, content[0] :] == PADDING_GREY).all()
    np.testing.assert_allclose(factors, np.array(content) / size)


def dot_finder(canvases: np.ndarray) -> tuple[np.ndarray, ...]:
    """A stub network: one person of 12 by 20 canvas pixels around the centre of mass of the bright pixels."""
    return (np.stack([find_dot(canvas) for canvas in canvases]),)


def find_dot(canvas: np.ndarray) -> np.ndarray:
    light = np.clip(canvas[:, :, 0].astype(float) - PADDING_GREY, 0, None)
    ys, xs = np.mgrid[: light.shape[0], : light.shape[1]]
    centre = np.array([(xs * light).sum(), (ys * light).sum()]) / light.sum()
    output = blank_output(light.shape[0] // 8, light.shape[1] // 8)
    x, y = ((centre + 0.5) // 8).astype(int)
    off = centre - (np.array([x, y]) * 8 + 3.5)
    output[:, y, x] = [3.0, 6 - off[0], 10 - off[1], 6 + off[0], 10 + off[1]]
    return output


@pytest.mark.parametrize("size", [(640, 360), (360, 640), (320, 320), (200, 150), (1000, 130)])
def test_boxes_are_in_image_pixels(size: tuple[int, int]) -> None:
    """The box lies around a bright square at a known point."""
    fx, fy = (round(side * 320 / max(size)) / side for side in size)
    for x, y in ((60, 50), (size[0] - 61, size[1] - 58)):
        image = np.full((size[1], size[0], 3), 20, np.uint8)
        image[y - 9 : y + 10, x - 9 : x + 10] = 250
        found = CentreDetector(dot_finder, long_side=320)(image)
        assert len(found) == 1
        assert found.scores[0] == pytest.approx(1 / (1 + np.exp(-3)), rel=1e-5)
        expected = np.array([x - 6 / fx, y - 10 / fy, x + 6 / fx, y + 10 / fy])
        assert np.abs(found.boxes[0] - expected).max() < 0.4


def test_several_images_at_once() -> None:
    """Consecutive images of one size share a batch; the boxes are those of single images."""
    images = [np.full((h, w, 3), 20, np.uint8) for w, h in ((640, 360), (640, 360), (360, 640), (640, 360))]
    for n, image in enumerate(images):
        image[100 + 20 * n :, 90:109][:19] = 250
    shapes = []

    def run(canvases: np.ndarray) -> tuple[np.ndarray, ...]:
        shapes.append(canvases.shape)
        return dot_finder(canvases)

    detector = CentreDetector(run, long_side=320)
    together = detector.detect_images(images)
    assert shapes == [(2, 192, 320, 3), (1, 320, 192, 3), (1, 192, 320, 3)]
    for image, found in zip(images, together, strict=True):
        np.testing.assert_array_equal(found.boxes, detector(image).boxes)
    assert detector.detect_images([]) == []


def network_of(
    *people: tuple[int, int, float, float], size: tuple[int, int] = (40, 40)
) -> Callable[[np.ndarray], tuple[np.ndarray, ...]]:
    """A stub network that finds the given people: cell x y, score, and half a side in pixels."""

    def run(canvas: np.ndarray) -> tuple[np.ndarray, ...]:
        output = blank_output(size[1], size[0])
        for x, y, score, half in people:
            output[:, y, x] = [logit(score), half, half, half, half]
        return (output[None],)

    return run


SQUARE = np.zeros((320, 320, 3), np.uint8)


def scores_of(detector: CentreDetector) -> list[float]:
    return [round(float(s), 3) for s in detector(SQUARE).scores]


def test_thresholds() -> None:
    run = network_of((5, 5, 0.4, 20), (20, 20, 0.9, 20), (22, 20, 0.7, 20), (35, 35, 0.31, 20))
    # The two in the middle are 40 wide and 16 apart: their IoU is 24 / 56 = 0.43.
    assert scores_of(CentreDetector(run, 320)) == [0.9, 0.7, 0.4, 0.31]
    assert scores_of(CentreDetector(run, 320, max_iou=0.42)) == [0.9, 0.4, 0.31]
    assert scores_of(CentreDetector(run, 320, max_iou=0.44)) == [0.9, 0.7, 0.4, 0.31]
    assert scores_of(CentreDetector(run, 320, min_score=0.35)) == [0.9, 0.7, 0.4]
    assert scores_of(CentreDetector(run, 320, max_people=2)) == [0.9, 0.7]
    assert scores_of(CentreDetector(run, 320, min_score=0.95)) == []


def test_only_peaks_become_boxes() -> None:
    run = network_of((5, 5, 0.4, 20), (6, 6, 0.8, 20), (7, 7, 0.5, 20))
    assert scores_of(CentreDetector(run, 320, max_iou=1.0)) == [0.8]


def test_boxes_are_means_over_neighbours() -> None:
    """The weights are squares of the scores; cells beyond the border have none."""
    output = blank_output(8, 8)
    output[0, 3, 4], output[0, 3, 5], output[0, 0, 0] = logit(0.8), logit(0.4), logit(0.6)
    output[1:, 3, 4], output[1:, 3, 5], output[1:, 0, 0] = 16, 21, 8
    boxes, scores = decode_centres(output, 0.1, 10)
    np.testing.assert_allclose(scores, [0.8, 0.6], atol=1e-6)
    ours, neighbours = np.array([19.5, 11.5, 51.5, 43.5]), np.array([22.5, 6.5, 64.5, 48.5])
    np.testing.assert_allclose(boxes[0], (4 * ours + neighbours) / 5, atol=1e-4)
    np.testing.assert_allclose(boxes[1], [-4.5, -4.5, 11.5, 11.5], atol=1e-4)


def test_boxes_are_clipped_and_dropped_in_the_padding() -> None:
    wide = np.zeros((100, 320, 3), np.uint8)  # rows 100 to 127 of the canvas are padding
    run = network_of((2, 5, 0.9, 100), (20, 15, 0.8, 10), size=(40, 16))
    found = CentreDetector(run, 320)(wide)
    np.testing.assert_allclose(found.boxes, [[0, 0, 119.5, 99]])


def test_no_people_and_no_warnings() -> None:
    with np.errstate(all="raise", under="ignore"):
        boxes, scores = decode_centres(blank_output(8, 8), 0.3, 10)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)
    assert boxes.dtype == scores.dtype == np.float32
    assert len(decode_centres(blank_output(8, 8), 0, 10)[0]) == 0  # scores that underflow are nobody's


def test_a_score_map_calibrates_boxes_before_they_are_selected() -> None:
    score_map = ScoreMap(((0, 0), (0.5, 0.25), (1, 0.95)))
    output = blank_output(8, 8)
    output[0, 2, 2], output[0, 5, 5] = logit(0.5), logit(0.75)
    output[1:, [2, 5], [2, 5]] = 8
    boxes, scores = decode_centres(output, 0.2, 10, score_map)
    np.testing.assert_allclose(scores, [0.6, 0.25], atol=1e-6)
    np.testing.assert_array_equal(boxes, decode_centres(output, 0.2, 10)[0])
    assert len(decode_centres(output, 0.3, 10, score_map)[0]) == 1
    found = CentreDetector(dot_finder, 320, 0.2, score_map=score_map)(np.full((320, 320, 3), 255, np.uint8))
    np.testing.assert_allclose(found.scores, score_map(1 / (1 + np.exp(-3.0))), atol=1e-5)
