from __future__ import annotations

import math

import numpy as np
import pytest

from pose_track.datasets.labels import ImageLabel
from pose_track.evaluation.boxes import average_precision
from pose_track.structures.frames import Detections

A, B, FAR = [10, 10, 30, 60], [50, 10, 80, 70], [5, 75, 20, 95]  # in a picture of 100 by 100
SHORT = [60, 80, 70, 90]  # a tenth of the picture's height


def label(*boxes: list[float], ignore: tuple[list[float], ...] = ()) -> ImageLabel:
    def array(values: tuple[list[float], ...]) -> np.ndarray:
        return np.array(values, float).reshape(-1, 4)

    return ImageLabel("a.png", 100, 100, array(boxes), array(ignore), True, "")


def found(*boxes: list[float], scores: tuple[float, ...] | None = None) -> Detections:
    values = np.linspace(0.9, 0.5, len(boxes)) if scores is None else np.array(scores)
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), values.astype(np.float32))


@pytest.mark.parametrize(
    ("truth", "detections", "expected"),
    [
        (label(), found(), math.nan),  # nobody is there, nobody is found
        (label(), found(A), math.nan),
        (label(A, B), found(), 0),
        (label(A, B), found(A, B), 1),
        (label(A, B), found(FAR), 0),
        (label(A, B), found(A), 51 / 101),  # recalls 0 to 0.50 of 101 are reached
        # right, wrong, right: precision 1 up to recall 1/2, then 2/3
        (label(A, B), found(A, FAR, B), (51 + 50 * 2 / 3) / 101),
        (label(A, B), found(A, B, FAR), 1),  # a false one after all the others does no harm
        (label(A, B), found(FAR, A, B), 2 / 3),  # before them it does
        (label(A, B), found(A, A, B), (51 + 50 * 2 / 3) / 101),  # a double is a false one
        (label(A, SHORT), found(A), 1),  # short people need not be found
        (label(A, SHORT), found(SHORT, A), 1),  # and may be
        (label(A), found(SHORT, A), 1),  # even where there is none
        (label(SHORT), found(SHORT), math.nan),
        (label(A, ignore=([0, 70, 100, 100],)), found(FAR, A), 1),  # what lies in a region to ignore counts neither way
        (label(A, ignore=([0, 70, 100, 100],)), found(A, FAR, FAR), 1),
        (label(A), found(FAR, A), 1 / 2),
        (label(ignore=([0, 70, 100, 100],)), found(FAR), math.nan),
    ],
)
def test_one_picture(truth: ImageLabel, detections: Detections, expected: float) -> None:
    assert average_precision([truth], [detections]) == pytest.approx(expected, nan_ok=True, abs=1e-6)


def test_no_pictures() -> None:
    assert math.isnan(average_precision([], []))


def test_pictures_are_ranked_together() -> None:
    truth = [label(A), label(B), label()]
    good = [found(A, scores=(0.9,)), found(B, scores=(0.8,)), found(FAR, scores=(0.3,))]
    bad = [found(A, scores=(0.9,)), found(B, scores=(0.2,)), found(FAR, scores=(0.3,))]
    assert average_precision(truth, good) == pytest.approx(1)
    assert average_precision(truth, bad) == pytest.approx((51 + 50 * 2 / 3) / 101)
    swapped = [good[1], good[0], good[2]]
    assert average_precision(truth, swapped) == 0  # each in the other's picture


def test_overlap_and_height_limits() -> None:
    half = [10, 10, 30, 35]  # IoU 0.5 with A
    assert average_precision([label(A)], [found(half)], iou=0.49) == pytest.approx(1)
    assert average_precision([label(A)], [found(half)], iou=0.51) == 0
    assert average_precision([label(A, SHORT)], [found(A)], min_height=0.05) == pytest.approx(51 / 101)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="zip"):
        average_precision([label(A)], [])
