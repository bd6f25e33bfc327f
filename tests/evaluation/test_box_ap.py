from __future__ import annotations

import math

import numpy as np
import pytest

from pose_track.datasets.labels import ImageLabel
from pose_track.evaluation.box_ap import box_average_precision
from pose_track.structures.frames import Detections

A, B, FAR = [10, 10, 30, 60], [50, 10, 80, 70], [5, 75, 20, 95]  # in an image of 100 by 100
SHORT = [60, 80, 70, 90]  # a tenth of the image height


def label(*boxes: list[float], ignore: tuple[list[float], ...] = ()) -> ImageLabel:
    def array(values: tuple[list[float], ...]) -> np.ndarray:
        return np.array(values, float).reshape(-1, 4)

    return ImageLabel("a.png", 100, 100, array(boxes), array(ignore), True, "")


def detections(*boxes: list[float], scores: tuple[float, ...] | None = None) -> Detections:
    values = np.linspace(0.9, 0.5, len(boxes)) if scores is None else np.array(scores)
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), values.astype(np.float32))


@pytest.mark.parametrize(
    ("labels", "detected", "expected"),
    [
        (label(), detections(), math.nan),  # no labels, no detections
        (label(), detections(A), math.nan),
        (label(A, B), detections(), 0),
        (label(A, B), detections(A, B), 1),
        (label(A, B), detections(FAR), 0),
        (label(A, B), detections(A), 51 / 101),  # recalls 0 to 0.50 of 101 are reached
        # true, false, true: precision 1 up to recall 1/2, then 2/3
        (label(A, B), detections(A, FAR, B), (51 + 50 * 2 / 3) / 101),
        (label(A, B), detections(A, B, FAR), 1),  # a false positive after all true positives does not matter
        (label(A, B), detections(FAR, A, B), 2 / 3),  # before them it does
        (label(A, B), detections(A, A, B), (51 + 50 * 2 / 3) / 101),  # a duplicate is a false positive
        (label(A, SHORT), detections(A), 1),  # short people need not be detected
        (label(A, SHORT), detections(SHORT, A), 1),  # but may be
        (label(A), detections(SHORT, A), 1),  # even where none is labelled
        (label(SHORT), detections(SHORT), math.nan),
        (label(A, ignore=([0, 70, 100, 100],)), detections(FAR, A), 1),  # ignore region
        (label(A, ignore=([0, 70, 100, 100],)), detections(A, FAR, FAR), 1),
        (label(A), detections(FAR, A), 1 / 2),
        (label(ignore=([0, 70, 100, 100],)), detections(FAR), math.nan),
    ],
)
def test_one_image(labels: ImageLabel, detected: Detections, expected: float) -> None:
    assert box_average_precision([labels], [detected]) == pytest.approx(expected, nan_ok=True, abs=1e-6)


def test_no_images() -> None:
    assert math.isnan(box_average_precision([], []))


def test_detections_of_all_images_are_ranked_together() -> None:
    labels = [label(A), label(B), label()]
    good = [detections(A, scores=(0.9,)), detections(B, scores=(0.8,)), detections(FAR, scores=(0.3,))]
    bad = [detections(A, scores=(0.9,)), detections(B, scores=(0.2,)), detections(FAR, scores=(0.3,))]
    assert box_average_precision(labels, good) == pytest.approx(1)
    assert box_average_precision(labels, bad) == pytest.approx((51 + 50 * 2 / 3) / 101)
    swapped = [good[1], good[0], good[2]]
    assert box_average_precision(labels, swapped) == 0  # each in the other's image


def test_iou_and_height_limits() -> None:
    half = [10, 10, 30, 35]  # IoU 0.5 with A
    assert box_average_precision([label(A)], [detections(half)], iou=0.49) == pytest.approx(1)
    assert box_average_precision([label(A)], [detections(half)], iou=0.51) == 0
    assert box_average_precision([label(A, SHORT)], [detections(A)], min_height=0.05) == pytest.approx(51 / 101)


def test_labels_and_detections_must_have_equal_length() -> None:
    with pytest.raises(ValueError, match="zip"):
        box_average_precision([label(A)], [])
