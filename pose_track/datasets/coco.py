"""COCO-format annotation files as arrays: keypoints by joint name, and person boxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.datasets.annotations import JsonObject, OnBroken, get_fields, read_entries, read_json, to_array
from pose_track.datasets.joint_names import JointMap
from pose_track.datasets.labels import ImageLabel, PersonLabel
from pose_track.formats.validate import object_list
from pose_track.structures.arrays import Float64Array
from pose_track.structures.skeleton import Skeleton


def load_coco_people(path: Path, skeleton: Skeleton, on_broken: OnBroken = "stop") -> list[PersonLabel]:
    """The people with at least one labelled joint, their joints mapped by name to `skeleton`, without crowds.

    Joints of the skeleton that the file lacks are not labelled. The box is the file's own. on_broken: what happens to
    an annotation with a broken box, keypoints or image, see `read_entries`. Raises FileNotFoundError, or ValueError
    if the file has none of the joints, or naming a broken annotation.
    """
    file = CocoFile(path, read_json(path))
    joints = JointMap(file.joint_names, skeleton, path)

    def read(annotation: JsonObject) -> PersonLabel | None:
        keypoints = file.keypoints(annotation)
        pose = None if annotation.get("iscrowd") else joints.convert(keypoints[:, :2], keypoints[:, 2])
        if pose is None:
            return None
        box = file.box(annotation)
        if not (box[2:] > box[:2]).all():
            raise ValueError(f"has an empty bbox {annotation['bbox']}")
        image = file.image(annotation)
        (file_name,) = get_fields(image, "file_name")
        return PersonLabel(file_name, *pose, box, image_id=image["id"])

    return read_entries(path, file.people(), read, on_broken)


def load_boxes(path: Path) -> list[ImageLabel]:
    """Every image of the file with its person boxes; crowd boxes become ignore regions.

    Raises FileNotFoundError, or ValueError naming a broken image or annotation: an image that lacks a box would teach
    the detector that nobody is there.
    """
    file = CocoFile(path, read_json(path))
    boxes: dict[Any, list[Float64Array]] = defaultdict(list)
    ignore: dict[Any, list[Float64Array]] = defaultdict(list)
    for crowd, image_id, box in read_entries(
        path, file.people(), lambda entry: (entry.get("iscrowd"), file.image(entry)["id"], file.box(entry))
    ):
        (ignore if crowd else boxes)[image_id].append(box)

    def read(image: JsonObject) -> ImageLabel:
        file_name, width, height = get_fields(image, "file_name", "width", "height")
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
    """An annotation file: its images by id, and its person annotations.

    Args:
        path: of the file, for error messages.
        data: the file's content.

    Attributes:
        images: image entries by id.
        joint_names: of the person category; empty where the file has none.

    Raises ValueError naming the file if it is not in COCO format.
    """

    def __init__(self, path: Path, data: Any):
        missing = [key for key in ("images", "annotations") if not isinstance(data, dict) or key not in data]
        if missing:
            raise ValueError(f"{path} is not in COCO format: it has no {' and no '.join(missing)}")
        self._path = path
        self._annotations = object_list(data["annotations"], f"{path}: annotations")
        self.images: dict[Any, JsonObject] = {}
        for number, image in enumerate(object_list(data["images"], f"{path}: images")):
            if "id" not in image:
                raise ValueError(f"{path}: image number {number} has no id")
            self.images[image["id"]] = image
        categories = object_list(data.get("categories"), f"{path}: categories")
        self._person_ids = {c.get("id") for c in categories if c.get("name") == "person"}
        person_first = sorted(categories, key=lambda c: c.get("name") != "person")
        self.joint_names: Sequence[str] = next((c["keypoints"] for c in person_first if c.get("keypoints")), ())

    def people(self) -> Iterator[tuple[str, JsonObject]]:
        """The annotations of the category "person", each after its name for error messages; all annotations if the
        file has no such category."""
        ids = self._person_ids
        for annotation in self._annotations:
            if not ids or annotation.get("category_id", next(iter(ids))) in ids:
                yield f"{self._path}: annotation {annotation.get('id', 'without id')}", annotation

    def image(self, annotation: JsonObject) -> JsonObject:
        """The image entry of an annotation. Raises ValueError if the file does not list it."""
        if annotation.get("image_id") not in self.images:
            raise ValueError(f"is of image {annotation.get('image_id')!r}, which the file does not list")
        return self.images[annotation["image_id"]]

    def keypoints(self, annotation: JsonObject) -> Float64Array:
        """(J, 3) x y visibility of an annotation's keypoints, all 0 if it has none.

        Raises ValueError if they do not fit the file's J joints.
        """
        count = len(self.joint_names)
        values = annotation.get("keypoints") or [0] * count * 3
        keypoints = to_array(values, (count * 3,), f"the keypoints of {count} joints").reshape(-1, 3)
        invalid = keypoints[:, 2] != np.clip(np.floor(keypoints[:, 2]), 0, 2)
        if invalid.any():
            raise ValueError(f"has a keypoint of visibility {keypoints[invalid][0, 2]}, which must be 0, 1 or 2")
        return keypoints

    def box(self, annotation: JsonObject) -> Float64Array:
        """(4,) x1 y1 x2 y2 of an annotation's bbox, left top width height. Raises ValueError if it is invalid."""
        box = to_array(annotation.get("bbox"), (4,), "bbox")
        if not np.isfinite(box).all() or (box[2:] < 0).any():
            raise ValueError(f"needs a bbox of left, top, width, height, got {annotation['bbox']}")
        return np.concatenate([box[:2], box[:2] + box[2:]])
