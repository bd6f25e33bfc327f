"""COCO-format annotation files as arrays: keypoints by joint name, and boxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.annotations import Note, OnBroken, fields, numbers, read_entries, read_json
from pose_track.datasets.joint_names import JointMap
from pose_track.datasets.labels import ImageLabel, PersonLabel
from pose_track.formats.validate import objects
from pose_track.structures.skeleton import Skeleton


def load_coco_people(path: Path, skeleton: Skeleton, on_broken: OnBroken = "stop") -> list[PersonLabel]:
    """The people with at least one labelled joint, their joints mapped by name to `skeleton`; crowds are left out.

    Joints of the skeleton that the file does not know are not labelled; the box is the file's own. on_broken: what
    becomes of an annotation whose box, keypoints or picture is at fault, see `read_entries`. Raises FileNotFoundError,
    or ValueError where the file knows none of the joints, or naming the annotation that is at fault.
    """
    file = CocoFile(path, read_json(path))
    joints = JointMap(file.joint_names, skeleton, path)

    def read(note: Note) -> PersonLabel | None:
        raw = file.keypoints(note)
        placed = None if note.get("iscrowd") else joints.place(raw[:, :2], raw[:, 2])
        if placed is None:
            return None
        box = file.box(note)
        if not (box[2:] > box[:2]).all():
            raise ValueError(f"has an empty bbox {note['bbox']}")
        image = file.image(note)
        (file_name,) = fields(image, "file_name")
        return PersonLabel(file_name, *placed, box, image_id=image["id"])

    return read_entries(path, file.people(), read, on_broken)


def load_boxes(path: Path) -> list[ImageLabel]:
    """Every picture of the file with its boxes of people; crowd boxes become regions to ignore.

    Raises FileNotFoundError, or ValueError naming the picture or the annotation that is at fault: without one box the
    picture would teach that nobody is there.
    """
    file = CocoFile(path, read_json(path))
    boxes: dict[Any, list[NDArray[np.float64]]] = defaultdict(list)
    ignore: dict[Any, list[NDArray[np.float64]]] = defaultdict(list)
    for crowd, image_id, box in read_entries(
        path, file.people(), lambda note: (note.get("iscrowd"), file.image(note)["id"], file.box(note))
    ):
        (ignore if crowd else boxes)[image_id].append(box)

    def read(image: Note) -> ImageLabel:
        file_name, width, height = fields(image, "file_name", "width", "height")
        return ImageLabel(
            file_name,
            width,
            height,
            np.array(boxes[image["id"]]).reshape(-1, 4),
            np.array(ignore[image["id"]]).reshape(-1, 4),
            bool(image.get("exhaustive", True)),
            str(image.get("source", "")),
        )

    return read_entries(path, ((f"{path}: image {key}", image) for key, image in file.images.items()), read)


class CocoFile:
    """The parts of an annotation file: images by id, and people with what belongs to them.

    data: the file's content; joint_names: of the person's category, none where the file tells none. Raises ValueError
    naming the file where it is not in COCO format.
    """

    def __init__(self, path: Path, data: Any):
        missing = [key for key in ("images", "annotations") if not isinstance(data, dict) or key not in data]
        if missing:
            raise ValueError(f"{path} is not in COCO format: it has no {' and no '.join(missing)}")
        self._path = path
        self._notes = objects(data["annotations"], f"{path}: annotations")
        self.images: dict[Any, Note] = {}
        for number, image in enumerate(objects(data["images"], f"{path}: images")):
            if "id" not in image:
                raise ValueError(f"{path}: image number {number} has no id")
            self.images[image["id"]] = image
        categories = objects(data.get("categories"), f"{path}: categories")
        self._person_ids = {c.get("id") for c in categories if c.get("name") == "person"}
        named = sorted(categories, key=lambda c: c.get("name") != "person")
        self.joint_names: Sequence[str] = next((c["keypoints"] for c in named if c.get("keypoints")), ())

    def people(self) -> Iterator[tuple[str, Note]]:
        """The annotations of the category "person", each with what to call it in an error; all annotations where the
        file has no category of that name."""
        ids = self._person_ids
        for note in self._notes:
            if not ids or note.get("category_id", next(iter(ids))) in ids:
                yield f"{self._path}: annotation {note.get('id', 'without id')}", note

    def image(self, note: Note) -> Note:
        """The picture an annotation belongs to. Raises ValueError where the file does not list it."""
        if note.get("image_id") not in self.images:
            raise ValueError(f"is of image {note.get('image_id')!r}, which the file does not list")
        return self.images[note["image_id"]]

    def keypoints(self, note: Note) -> NDArray[np.float64]:
        """(J, 3) x y visibility of an annotation's keypoints, all 0 where it has none. Raises ValueError where they do
        not fit the file's joints."""
        count = len(self.joint_names)
        raw = numbers(note.get("keypoints") or [0] * count * 3, (count * 3,), f"the keypoints of {count} joints")
        raw = raw.reshape(-1, 3)
        odd = raw[:, 2] != np.clip(np.floor(raw[:, 2]), 0, 2)
        if odd.any():
            raise ValueError(f"has a keypoint of visibility {raw[odd][0, 2]}, which must be 0, 1 or 2")
        return raw

    def box(self, note: Note) -> NDArray[np.float64]:
        """(4,) x1 y1 x2 y2 of an annotation's bbox, left top width height. Raises ValueError where it is none."""
        box = numbers(note.get("bbox"), (4,), "bbox")
        if not np.isfinite(box).all() or (box[2:] < 0).any():
            raise ValueError(f"needs a bbox of left, top, width, height, got {note['bbox']}")
        return np.concatenate([box[:2], box[:2] + box[2:]])
