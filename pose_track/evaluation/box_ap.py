"""Average precision of a person detector, computed by pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_track.structures.arrays import Float64Array, FloatingArray
from pose_track.structures.frames import Detections


class BoxLabels(Protocol):
    """The labels of one image.

    height: image height in pixels.
    boxes: (N, 4) x1 y1 x2 y2 of people.
    ignore: (M, 4) x1 y1 x2 y2 of ignore regions.
    """

    @property
    def height(self) -> int: ...
    @property
    def boxes(self) -> Float64Array: ...
    @property
    def ignore(self) -> Float64Array: ...


def box_average_precision(
    labels: Sequence[BoxLabels], detections: Sequence[Detections], min_height: float = 0.15, iou: float = 0.5
) -> float:
    """AP in [0, 1] at one IoU, interpolated at 101 recalls as in COCO; NaN without labelled people to evaluate.

    labels, detections: one per image. An image's 100 best detections count.
    min_height: the least height of a person, as a share of the image height. Shorter people, labelled or detected, are
        ignored, as are detections in ignore regions.

    pycocotools selects objects by "area"; here that field holds the relative height.
    """
    gt = COCO()
    gt.dataset = {"images": [], "categories": [{"id": 1, "name": "person"}], "annotations": []}
    results = []
    for image_id, (label, detected) in enumerate(zip(labels, detections, strict=True), 1):
        gt.dataset["images"].append({"id": image_id})
        for boxes, is_crowd in ((label.boxes, 0), (label.ignore, 1)):
            for box in boxes:
                gt.dataset["annotations"].append(_annotation(image_id, box, label.height, iscrowd=is_crowd))
        results += [
            _annotation(image_id, box, label.height, score=float(score))
            for box, score in zip(detected.boxes, detected.scores, strict=True)
        ]
    for entries in (gt.dataset["annotations"], results):
        for annotation_id, annotation in enumerate(entries, 1):
            annotation["id"] = annotation_id
    predicted = COCO()
    predicted.dataset = {**gt.dataset, "annotations": results}
    with contextlib.redirect_stdout(io.StringIO()):
        gt.createIndex()
        predicted.createIndex()
        evaluation = COCOeval(gt, predicted, "bbox")
        evaluation.params.iouThrs = np.array([iou])
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[min_height, 1e9]], ["tall"]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][0, :, 0, 0, -1]
    return float(precision.mean()) if (precision >= 0).all() else float("nan")


def _annotation(image_id: int, box: FloatingArray, height: int, **fields: float) -> dict[str, Any]:
    x1, y1, x2, y2 = (float(v) for v in box)
    bbox = [x1, y1, x2 - x1, y2 - y1]
    return {"image_id": image_id, "category_id": 1, "bbox": bbox, "area": (y2 - y1) / height, **fields}
