"""The tool that computes COCO's metrics: hotcoco where it is installed, else pycocotools. Both give the same values."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from typing import Any

from pose_track.utils.extras import missing_modules

Entry = dict[str, Any]
"""A labelled person, or a person of a results file."""

Dataset = dict[str, Any]
"""A data set in COCO format."""

PERSON = {"id": 1, "name": "person"}
"""The only category."""


def coco_eval(gt: Dataset, predictions: list[Entry], kind: str, **params: Any) -> Any:
    """The tool's COCOeval, evaluated and accumulated: see its `eval`.

    gt: a data set. The ids of its images, which may be text, are of one type.
    predictions: people in these images, each with id, score and area.
    kind: "keypoints" or "bbox".
    params: the parameters of the evaluation that differ from COCO's.
    """
    # hotcoco needs integers. The order decides between equal scores.
    numbers = {image_id: n for n, image_id in enumerate(sorted(image["id"] for image in gt["images"]), 1)}
    sides = (_indexed(numbers, gt["categories"], entries) for entries in (gt["annotations"], predictions))
    evaluation = _class("COCOeval")(*sides, kind)
    for name, value in params.items():
        setattr(evaluation.params, name, value)
    with silent():
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


@contextmanager
def silent() -> Iterator[None]:
    """Both tools print what they do, and hotcoco warns of parameters that differ from COCO's."""
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _indexed(numbers: Mapping[Any, int], categories: list[Entry], entries: list[Entry]) -> Any:
    """Entries as the tool's COCO. numbers: of all images, by id."""
    coco = _class("COCO")()
    annotations = [{**entry, "image_id": numbers[entry["image_id"]]} for entry in entries]
    images = [{"id": number} for number in numbers.values()]
    coco.dataset = {"images": images, "categories": categories, "annotations": annotations}
    with silent():
        coco.createIndex()
    return coco


def _class(name: str) -> Any:
    if not missing_modules("hotcoco"):
        return getattr(import_module("hotcoco"), name)
    return getattr(import_module({"COCO": "pycocotools.coco", "COCOeval": "pycocotools.cocoeval"}[name]), name)
