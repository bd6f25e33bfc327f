"""Average precision and recall of a person detector, computed as COCO's; see `coco_tool`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from pose_track.evaluation.coco_tool import PERSON, Entry, coco_eval
from pose_track.structures.arrays import Float64Array, FloatingArray
from pose_track.structures.frames import Detections


class BoxLabels(Protocol):
    """The labels of one image.

    height: image height in pixels.
    boxes: (N, 4) x1 y1 x2 y2 of people.
    ignore: (M, 4) x1 y1 x2 y2 of ignore regions.
    source: the collection that the image comes from, "" if unknown.
    """

    @property
    def height(self) -> int: ...
    @property
    def boxes(self) -> Float64Array: ...
    @property
    def ignore(self) -> Float64Array: ...
    @property
    def source(self) -> str: ...


def box_ap_ar(
    labels: Sequence[BoxLabels],
    detections: Sequence[Detections],
    ious: Sequence[float] = (0.5, 0.75),
    min_height: float = 0.15,
) -> tuple[Float64Array, Float64Array]:
    """AP and AR in [0, 1] at each of T IoUs, (T,) each; NaN without labelled people to evaluate.

    AP is interpolated at 101 recalls as in COCO. AR is the recall of all detections, whatever their scores.

    labels, detections: one per image. An image's 100 best detections count.
    min_height: the least height of a person, as a share of the image height. Shorter people, labelled or detected, are
        ignored, as are detections in ignore regions.

    COCO selects objects by "area"; here that field holds the relative height.
    """
    people, results = list[Entry](), list[Entry]()
    for image_id, (label, detected) in enumerate(zip(labels, detections, strict=True), 1):
        for boxes, is_crowd in ((label.boxes, 0), (label.ignore, 1)):
            people += [_annotation(image_id, box, label.height, iscrowd=is_crowd) for box in boxes]
        results += [
            _annotation(image_id, box, label.height, score=float(score))
            for box, score in zip(detected.boxes, detected.scores, strict=True)
        ]
    for entries in (people, results):
        for annotation_id, annotation in enumerate(entries, 1):
            annotation["id"] = annotation_id
    images = [{"id": image_id} for image_id in range(1, len(labels) + 1)]
    gt = {"images": images, "categories": [PERSON], "annotations": people}
    heights = {"areaRng": [[min_height, 1e9]], "areaRngLbl": ["tall"]}
    evaluation = coco_eval(gt, results, "bbox", iouThrs=np.array(ious), **heights)
    precision, recall = evaluation.eval["precision"][:, :, 0, 0, -1], evaluation.eval["recall"][:, 0, 0, -1]
    known = recall >= 0  # COCO's -1 stands for "undefined"
    return np.where(known, precision.mean(axis=1), np.nan), np.where(known, recall, np.nan)


def detection_metrics(labels: Sequence[BoxLabels], detections: Sequence[Detections]) -> dict[str, float]:
    """AP50, AP75 and AR75 of people taller than 15 % of the image: means over the sources, then those of each source.

    The keys are "ap50", "ap75" and "ar75", then with the source, such as "ap50_street"; "ap50_all" for images
    without a source. AR75 is the recall at IoU 0.75. A source without people to evaluate is NaN, and left out of the
    mean.
    """
    metrics: dict[str, dict[str, float]] = {"ap50": {}, "ap75": {}, "ar75": {}}
    for source in sorted({label.source for label in labels}):
        chosen = [i for i, label in enumerate(labels) if label.source == source]
        ap, ar = box_ap_ar([labels[i] for i in chosen], [detections[i] for i in chosen], (0.5, 0.75))
        for name, value in zip(metrics, (ap[0], ap[1], ar[1]), strict=True):
            metrics[name][source or "all"] = float(value)
    means = {name: _mean(values.values()) for name, values in metrics.items()}
    return means | {f"{name}_{source}": value for name, values in metrics.items() for source, value in values.items()}


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _annotation(image_id: int, box: FloatingArray, height: int, **fields: float) -> Entry:
    x1, y1, x2, y2 = (float(v) for v in box)
    bbox = [x1, y1, x2 - x1, y2 - y1]
    return {"image_id": image_id, "category_id": 1, "bbox": bbox, "area": (y2 - y1) / height, **fields}
