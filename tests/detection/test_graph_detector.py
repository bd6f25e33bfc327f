from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pose_track.detection.graph_detector import GraphDetector, fit_image
from pose_track.models.graph_boxes import STRIDES, BoxLayout, cell_corners

SIZE = (128, 64)
PERSON = np.array([16.0, 8.0, 48.0, 56.0])  # in pixels of the input
OTHER = np.array([80.0, 8.0, 112.0, 56.0])  # of another class
BOXES = np.array([PERSON, OTHER, PERSON + 1], np.float32)
SCORES = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.1]], np.float32)  # of classes 0 and 1


def in_cells(fill: Callable[[np.ndarray], np.ndarray], num_values: int) -> np.ndarray:
    """(cells, values) with the values of the three boxes in the first three cells, and low ones elsewhere."""
    rows = np.full((len(cell_corners(SIZE)[0]), num_values), -9.0, np.float32)
    rows[:3] = fill(cell_corners(SIZE)[0][:3])
    return rows


def yolox() -> list[np.ndarray]:
    centres, sizes = (BOXES[:, :2] + BOXES[:, 2:]) / 2, BOXES[:, 2:] - BOXES[:, :2]

    def fill(corners: np.ndarray) -> np.ndarray:
        return np.concatenate([(centres - corners) / 8, np.log(sizes / 8), np.ones((3, 1)), SCORES], axis=1)

    rows = in_cells(fill, 7)
    rows[3:, 4:] = 0
    return [rows]


def yolo() -> list[np.ndarray]:
    columns = np.zeros((6, len(cell_corners(SIZE)[0])), np.float32)
    columns[:, :3] = np.concatenate([(BOXES[:, :2] + BOXES[:, 2:]) / 2, BOXES[:, 2:] - BOXES[:, :2], SCORES], axis=1).T
    return [columns]


def rtmdet() -> list[np.ndarray]:
    sides = in_cells(lambda c: np.concatenate([c - BOXES[:, :2], BOXES[:, 2:] - c], axis=1), 4)
    logits = in_cells(lambda c: np.log(SCORES / (1 - SCORES)), 2)
    maps, start = [], 0
    for rows in (logits, sides):
        start = 0
        for stride in STRIDES:
            h, w = SIZE[1] // stride, SIZE[0] // stride
            maps.append(rows[start : start + h * w].T.reshape(-1, h, w))
            start += h * w
    return maps


OUTPUTS: dict[BoxLayout, list[np.ndarray]] = {
    "boxes": [np.concatenate([BOXES, SCORES.max(axis=1)[:, None]], axis=1), SCORES.argmax(axis=1)],
    "yolox": yolox(),
    "yolo": yolo(),
    "rtmdet": rtmdet(),
    "picodet": [BOXES, SCORES.T],
}


@pytest.mark.parametrize("layout", OUTPUTS)
@pytest.mark.parametrize("person", [0, 1])
def test_boxes_of_each_layout(layout: BoxLayout, person: int) -> None:
    """An image half the size of the input, which is padded at the right: factor 2."""

    def run(images: np.ndarray) -> tuple[np.ndarray, ...]:
        assert images.shape == (2, 64, 128, 3)
        return tuple(np.stack([output, output]) for output in OUTPUTS[layout])

    detector = GraphDetector(run, layout, SIZE, min_score=0.5, max_iou=0.6, person=person)
    images = [np.zeros((32, 60, 3), np.uint8)] * 2
    for detections in detector.detect_images(images):
        expected = (PERSON, OTHER)[person] / 2 - 0.5
        np.testing.assert_allclose(detections.boxes, [expected], atol=1e-4)
        np.testing.assert_allclose(detections.scores, [(0.9, 0.8)[person]], atol=1e-5)


def test_thresholds() -> None:
    def detect(**options: float) -> list[float]:
        detector = GraphDetector(lambda images: tuple(o[None] for o in OUTPUTS["picodet"]), "picodet", SIZE, **options)
        return [round(score, 1) for score in detector(np.zeros((64, 128, 3), np.uint8)).scores.tolist()]

    assert detect(min_score=0.5) == [0.9]
    assert detect(min_score=0.1) == [0.9, 0.2]
    assert detect(min_score=0.5, max_iou=1.0) == [0.9, 0.7]


def test_batches_of_images_of_any_sizes() -> None:
    sizes = []

    def run(images: np.ndarray) -> tuple[np.ndarray, ...]:
        sizes.append(len(images))
        return tuple(np.stack([output] * len(images)) for output in OUTPUTS["picodet"])

    detector = GraphDetector(run, "picodet", SIZE, "stretch", max_batch=2)
    images = [np.zeros((side, 40, 3), np.uint8) for side in (10, 20, 30)]
    detections = detector.detect_images(images)
    assert sizes == [2, 1]
    for image, found in zip(images, detections, strict=True):
        factors = np.tile([128 / 40, 64 / len(image)], 2)
        np.testing.assert_allclose(found.boxes[0], PERSON / factors - 0.5, atol=1e-4)
    assert detector.detect_images([]) == []


def test_canvas() -> None:
    image = np.full((20, 40, 3), 200, np.uint8)
    stretched, factors = fit_image(image, (20, 20), "stretch")
    assert (stretched == 200).all()
    assert factors.tolist() == [0.5, 1.0]
    padded, factors = fit_image(image, (20, 20), "letterbox")
    assert (padded[:10] == 200).all()
    assert (padded[10:] == 114).all()
    assert factors.tolist() == [0.5, 0.5]
