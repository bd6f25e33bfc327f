"""COCO-format annotation files as arrays: keypoints by joint name, and boxes."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.labels import ImageLabel, PersonLabel
from pose_track.skeleton import Skeleton

Note = dict[str, Any]


def load_people(path: Path, skeleton: Skeleton) -> list[PersonLabel]:
    """The people with at least one labelled joint, their joints mapped by name to `skeleton`; crowds are left out.

    Joints of the skeleton that the file does not know are not labelled. Raises FileNotFoundError, or ValueError where
    the file knows none of the joints, or naming the annotation that is at fault.
    """
    file = _CocoFile(path, ("file_name",))
    names: list[str] = next((c["keypoints"] for c in file.categories if c.get("keypoints")), [])
    known = [(k, names.index(name)) for k, name in enumerate(skeleton.joint_names) if name in names]
    if not known:
        raise ValueError(f"{path} labels none of the joints of {skeleton.name}; it has {names}")
    targets, columns = np.array(known).T
    people = []
    for note in file.people():
        raw = np.array(note.get("keypoints") or np.zeros(len(names) * 3), np.float64)
        if raw.size != len(names) * 3:
            raise ValueError(
                f"{file.where(note)} has {raw.size} keypoint values, {len(names)} times x y visibility needed"
            )
        raw = raw.reshape(-1, 3)
        if note.get("iscrowd") or not raw[columns, 2].any():
            continue
        joints, visibility = np.zeros((skeleton.num_joints, 2)), np.zeros(skeleton.num_joints, np.int64)
        joints[targets], visibility[targets] = raw[columns, :2], raw[columns, 2]
        box = file.box(note)
        if not (box[2:] > box[:2]).all():
            raise ValueError(f"{file.where(note)} has an empty bbox {note['bbox']}; correct or remove it")
        image = file.image(note)
        people.append(PersonLabel(image["file_name"], joints, visibility, box, image_id=image["id"]))
    return people


def load_boxes(path: Path) -> list[ImageLabel]:
    """Every picture of the file with its boxes of people; crowd boxes become regions to ignore.

    Raises FileNotFoundError, or ValueError naming the annotation that is at fault.
    """
    file = _CocoFile(path, ("file_name", "width", "height"))
    boxes: dict[Any, list[NDArray[np.float64]]] = defaultdict(list)
    ignore: dict[Any, list[NDArray[np.float64]]] = defaultdict(list)
    for note in file.people():
        (ignore if note.get("iscrowd") else boxes)[file.image(note)["id"]].append(file.box(note))
    return [
        ImageLabel(
            image["file_name"],
            image["width"],
            image["height"],
            np.array(boxes[image_id]).reshape(-1, 4),
            np.array(ignore[image_id]).reshape(-1, 4),
            bool(image.get("exhaustive", True)),
            str(image.get("source", "")),
        )
        for image_id, image in file.images.items()
    ]


class _CocoFile:
    """The parts of an annotation file, with errors that name the file and the entry.

    images: by id, each with the keys in `needed`; categories: none where the file tells none.
    """

    def __init__(self, path: Path, needed: tuple[str, ...]):
        if not path.is_file():
            raise FileNotFoundError(f"no annotation file {path}")
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} is not JSON: {error}") from None
        missing = [key for key in ("images", "annotations") if not isinstance(data, dict) or key not in data]
        if missing:
            raise ValueError(f"{path} is not in COCO format: it has no {' and no '.join(missing)}")
        self.path = path
        self.categories: list[Note] = data.get("categories", [])
        self.images: dict[Any, Note] = {}
        for number, image in enumerate(data["images"]):
            lacking = [key for key in ("id", *needed) if key not in image]
            if lacking:
                raise ValueError(f"{path}: image {image.get('id', f'number {number}')} has no {', no '.join(lacking)}")
            self.images[image["id"]] = image
        self._notes: list[Note] = data["annotations"]

    def people(self) -> list[Note]:
        """The annotations of the category "person"; all of them where the file has no category of that name."""
        ids = {category.get("id") for category in self.categories if category.get("name") == "person"}
        return [note for note in self._notes if not ids or note.get("category_id", next(iter(ids))) in ids]

    def where(self, note: Note) -> str:
        """What to call an annotation in an error."""
        return f"{self.path}: annotation {note.get('id', 'without id')}"

    def image(self, note: Note) -> Note:
        """The picture an annotation belongs to."""
        if note.get("image_id") not in self.images:
            raise ValueError(f"{self.where(note)} is of image {note.get('image_id')!r}, which the file does not list")
        return self.images[note["image_id"]]

    def box(self, note: Note) -> NDArray[np.float64]:
        """(4,) x1 y1 x2 y2 of an annotation's bbox, left top width height."""
        box = np.array(note.get("bbox") or [], np.float64)
        if box.shape != (4,) or not np.isfinite(box).all() or (box[2:] < 0).any():
            raise ValueError(f"{self.where(note)} needs a bbox of left, top, width, height, got {note.get('bbox')}")
        return np.concatenate([box[:2], box[:2] + box[2:]])
