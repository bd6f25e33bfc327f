from __future__ import annotations

import contextlib
import io
import math

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_track.datasets.labels import ImageLabel
from pose_track.evaluation.box_ap import box_ap_ar, detection_metrics
from pose_track.structures.frames import Detections

A, B, FAR = [10, 10, 30, 60], [50, 10, 80, 70], [5, 75, 20, 95]  # in an image of 100 by 100
SHORT = [60, 80, 70, 90]  # a tenth of the image height


def box_average_precision(
    labels: list[ImageLabel], detected: list[Detections], min_height: float = 0.15, iou: float = 0.5
) -> float:
    return float(box_ap_ar(labels, detected, [iou], min_height)[0][0])


def label(*boxes: list[float], ignore: tuple[list[float], ...] = (), source: str = "") -> ImageLabel:
    def array(values: tuple[list[float], ...]) -> np.ndarray:
        return np.array(values, float).reshape(-1, 4)

    return ImageLabel("a.png", 100, 100, array(boxes), array(ignore), True, source)


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


def test_recall_at_two_ious() -> None:
    """Recall counts every detection, whatever its score; short people and ignore regions do not count."""
    rough = [10, 10, 30, 40]  # IoU 0.6 with A
    labels = [label(A, B, SHORT, ignore=([0, 70, 100, 100],))]
    ap, ar = box_ap_ar(labels, [detections(FAR, rough, A, scores=(0.9, 0.8, 0.1))], (0.5, 0.75))
    assert ar == pytest.approx([1 / 2, 1 / 2])
    assert ap == pytest.approx([51 / 101, 51 / 101 / 2])
    assert np.isnan(box_ap_ar([label(SHORT)], [detections(A)])).all()


def test_agreement_with_plain_pycocotools() -> None:
    """On random boxes without ignored people, where the relative height has no effect: COCOeval's own stats."""
    rng = np.random.default_rng(0)
    labels, detected = [], []
    for _ in range(12):
        corner, size = rng.uniform(0, 60, (6, 2)), rng.uniform(16, 40, (6, 2))
        boxes = np.concatenate([corner, corner + size], axis=1)
        labels.append(label(*boxes.tolist()))
        found = boxes[rng.random(6) < 0.8] + rng.normal(0, 1.5, 4)
        detected.append(detections(*found.tolist(), FAR, scores=tuple(rng.random(len(found) + 1))))
    images, annotations, results = [], [], []
    for number, (truth, result) in enumerate(zip(labels, detected, strict=True), 1):
        images.append({"id": number, "width": 100, "height": 100})
        for box in truth.boxes:
            x1, y1, x2, y2 = box.tolist()
            area = (x2 - x1) * (y2 - y1)
            entry = {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": area, "iscrowd": 0, "category_id": 1}
            annotations.append({**entry, "image_id": number, "id": len(annotations) + 1})
        for (x1, y1, x2, y2), score in zip(result.boxes.tolist(), result.scores.tolist(), strict=True):
            entry = {"bbox": [x1, y1, x2 - x1, y2 - y1], "score": score, "category_id": 1}
            results.append({**entry, "image_id": number})
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO()
        gt.dataset = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
        gt.createIndex()
        evaluation = COCOeval(gt, gt.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    ap, ar = box_ap_ar(labels, detected, (0.5, 0.75), min_height=0)
    assert 0.3 < ap[1] < ap[0] < 0.9
    assert ap == pytest.approx(evaluation.stats[1:3])
    at_75 = evaluation.params.iouThrs.tolist().index(0.75)
    assert ar[1] == pytest.approx(evaluation.eval["recall"][at_75, 0, 0, -1])


def test_metrics_are_means_over_sources() -> None:
    rough = [10, 10, 30, 40]  # IoU 0.6 with A
    labels = [label(A, source="street"), label(A, B, source="street"), label(A, source="shop"), label(source="night")]
    detected = [detections(A), detections(A), detections(rough), detections(FAR)]
    metrics = detection_metrics(labels, detected)
    street = 67 / 101  # two of three are found: recalls 0 to 0.66
    assert list(metrics) == [
        *("ap50", "ap75", "ar75", "ap50_night", "ap50_shop", "ap50_street"),
        *("ap75_night", "ap75_shop", "ap75_street", "ar75_night", "ar75_shop", "ar75_street"),
    ]
    assert [metrics[f"{name}_street"] for name in ("ap50", "ap75", "ar75")] == pytest.approx([street, street, 2 / 3])
    assert [metrics[f"{name}_shop"] for name in ("ap50", "ap75", "ar75")] == pytest.approx([1, 0, 0])
    assert math.isnan(metrics["ap50_night"])
    assert [metrics[name] for name in ("ap50", "ap75", "ar75")] == pytest.approx([(1 + street) / 2, street / 2, 1 / 3])
    assert list(detection_metrics([label(A)], [detections(A)])) == [
        *("ap50", "ap75", "ar75", "ap50_all", "ap75_all", "ar75_all")
    ]
    assert all(math.isnan(value) for value in detection_metrics([], []).values())
