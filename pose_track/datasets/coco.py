"""COCO-format annotation files as arrays: keypoints by joint name, and boxes."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose_track.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class PersonLabel:
    """One labelled person. joints: (K, 2) pixels in the skeleton's order; visibility: (K,) 0 not labelled,
    1 hidden, 2 seen; box: (4,) x1 y1 x2 y2; source: which collection it is from, "" where not told."""

    file_name: str
    joints: NDArray[np.float64]
    visibility: NDArray[np.int64]
    box: NDArray[np.float64]
    source: str


@dataclass(frozen=True, eq=False)
class ImageLabel:
    """One picture's boxes. boxes: (N, 4) x1 y1 x2 y2 of people; ignore: (M, 4) of regions that count neither way;
    exhaustive: whether every person is labelled."""

    file_name: str
    width: int
    height: int
    boxes: NDArray[np.float64]
    ignore: NDArray[np.float64]
    exhaustive: bool
    source: str


def _load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"no annotation file {path}")
    data = json.loads(path.read_text())
    missing = {"images", "annotations"} - set(data)
    if missing:
        raise ValueError(f"{path} is not in COCO format: it has no {' and no '.join(sorted(missing))}")
    return dict(data)


def _corners(boxes: list[list[float]]) -> NDArray[np.float64]:
    array = np.array(boxes, np.float64).reshape(-1, 4)
    array[:, 2:] += array[:, :2]
    return array


def load_people(path: Path, skeleton: Skeleton) -> list[PersonLabel]:
    """The people with at least one labelled joint, their joints mapped by name to `skeleton`.

    Joints of the skeleton that the file does not know are not labelled. Raises ValueError if it knows none.
    """
    data = _load(path)
    names = data["categories"][0].get("keypoints", [])
    known = [(k, names.index(name)) for k, name in enumerate(skeleton.joint_names) if name in names]
    if not known:
        raise ValueError(f"{path} labels none of the joints of {skeleton.name}; it has {names}")
    targets, columns = np.array(known).T
    images = {image["id"]: image for image in data["images"]}
    people = []
    for note in data["annotations"]:
        raw = np.array(note.get("keypoints", []), np.float64).reshape(-1, 3)
        if note.get("iscrowd") or not len(raw) or not raw[columns, 2].any():
            continue
        joints, visibility = np.zeros((skeleton.num_joints, 2)), np.zeros(skeleton.num_joints, np.int64)
        joints[targets], visibility[targets] = raw[columns, :2], raw[columns, 2]
        image = images[note["image_id"]]
        box = _corners([note["bbox"]])[0]
        people.append(PersonLabel(image["file_name"], joints, visibility, box, image.get("source", "")))
    return people


def load_boxes(path: Path) -> list[ImageLabel]:
    """Every picture of the file with its boxes; crowd boxes become regions to ignore."""
    data = _load(path)
    boxes: dict[int, list[list[float]]] = defaultdict(list)
    ignore: dict[int, list[list[float]]] = defaultdict(list)
    for note in data["annotations"]:
        (ignore if note.get("iscrowd") else boxes)[note["image_id"]].append(note["bbox"])
    return [
        ImageLabel(
            image["file_name"], image["width"], image["height"], _corners(boxes[image["id"]]),
            _corners(ignore[image["id"]]), image.get("exhaustive", True), image.get("source", ""),
        )
        for image in data["images"]
    ]  # fmt: skip
