"""Average precision of a person detector, through pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_track.structures.frames import Detections


class Truth(Protocol):
    """One labelled picture. height: in pixels; boxes: (N, 4) x1 y1 x2 y2 of people; ignore: (M, 4) of regions that
    count neither way."""

    @property
    def height(self) -> int: ...
    @property
    def boxes(self) -> NDArray[np.float64]: ...
    @property
    def ignore(self) -> NDArray[np.float64]: ...


def average_precision(
    labels: Sequence[Truth], found: Sequence[Detections], min_height: float = 0.15, iou: float = 0.5
) -> float:
    """AP at one IoU in [0, 1] of people at least `min_height` of their picture's height tall; shorter people, labelled
    or found, count neither way, nor does what lies in a region to ignore. NaN without such people. Interpolated at 101
    recalls, as for COCO; of a picture's detections the best 100 count.

    The "area" by which pycocotools ranks sizes is set to the relative height here, so that its own rules for objects
    out of range apply.
    """
    truth = COCO()
    truth.dataset = {"images": [], "categories": [{"id": 1, "name": "person"}], "annotations": []}
    results = []
    for image_id, (label, detections) in enumerate(zip(labels, found, strict=True), 1):
        truth.dataset["images"].append({"id": image_id})
        for boxes, crowd in ((label.boxes, 0), (label.ignore, 1)):
            for box in boxes:
                truth.dataset["annotations"].append(_note(image_id, box, label.height, iscrowd=crowd))
        results += [
            _note(image_id, box, label.height, score=float(score))
            for box, score in zip(detections.boxes, detections.scores, strict=True)
        ]
    for notes in (truth.dataset["annotations"], results):
        for note_id, note in enumerate(notes, 1):
            note["id"] = note_id
    predicted = COCO()
    predicted.dataset = {**truth.dataset, "annotations": results}
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        predicted.createIndex()
        evaluation = COCOeval(truth, predicted, "bbox")
        evaluation.params.iouThrs = np.array([iou])
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[min_height, 1e9]], ["tall"]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][0, :, 0, 0, -1]
    return float(precision.mean()) if (precision >= 0).all() else float("nan")


def _note(image_id: int, box: NDArray[np.floating], height: int, **more: float) -> dict[str, Any]:
    x1, y1, x2, y2 = (float(v) for v in box)
    note = {"image_id": image_id, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (y2 - y1) / height}
    return {**note, **more}
