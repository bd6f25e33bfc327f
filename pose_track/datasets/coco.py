"""COCO-format annotation files as arrays: keypoints by joint name, and person boxes."""

from __future__ import annotations

import reprlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.datasets.annotations import (
    JsonObject,
    OnBroken,
    checked_name,
    get_fields,
    read_entries,
    read_json,
    to_array,
)
from pose_track.datasets.joint_names import JointMap
from pose_track.datasets.labels import ImageLabel, PersonLabel
from pose_track.formats.coco_entries import flat_list
from pose_track.formats.coco_wholebody import PART_KEYS, joined_keypoints
from pose_track.formats.validate import integer, object_list
from pose_track.structures.arrays import Float64Array
from pose_track.structures.skeleton import Skeleton
from pose_track.structures.whole_body import DETAIL_JOINTS


def load_coco_people(path: Path, skeleton: Skeleton, on_broken: OnBroken = "stop") -> list[PersonLabel]:
    """The people with at least one labelled joint, their joints mapped by name to `skeleton`, without crowds.

    Joints of the skeleton that the file lacks are not labelled. The box is the file's own. on_broken: what happens to
    an annotation with a broken box, keypoints or image, or all beyond its image, see `read_entries`. Raises
    FileNotFoundError, or ValueError if the file has none of the joints, or naming a broken annotation.
    """
    file = CocoFile(path, read_json(path))
    joints = JointMap(file.joint_names, skeleton, path)
    joints.log_differences()

    def read(annotation: JsonObject) -> PersonLabel | None:
        if not file.is_person(annotation):
            return None
        keypoints = file.keypoints(annotation)
        pose = None if is_crowd(annotation) else joints.convert(keypoints[:, :2], keypoints[:, 2])
        if pose is None:
            return None
        box = file.box(annotation)
        if not (box[2:] > box[:2]).all():
            raise ValueError(f"has an empty bbox {annotation['bbox']}")
        image = file.image(annotation)
        file_name, size = image_name(image), image_size(image)
        _check_inside(pose[0][pose[1] > 0], "joints", size)
        _check_inside(box.reshape(2, 2), "bbox", size)
        source, group = (str(image.get(key, "")) for key in ("source", "group"))
        return PersonLabel(file_name, *pose, box, image_id=image["id"], source=source, image_size=size, group=group)

    return read_entries(path, file.annotations(), read, on_broken)


def load_boxes(path: Path) -> list[ImageLabel]:
    """Every image of the file with its person boxes; crowd boxes become ignore regions.

    Raises FileNotFoundError, or ValueError naming a broken image or annotation, or an image that is listed twice: an
    image that lacks a box would teach the detector that nobody is there.
    """
    file = CocoFile(path, read_json(path))
    boxes: dict[Any, list[Float64Array]] = defaultdict(list)
    ignore: dict[Any, list[Float64Array]] = defaultdict(list)

    def read_box(annotation: JsonObject) -> None:
        if file.is_person(annotation):
            image, box = file.image(annotation), file.box(annotation)
            _check_inside(box.reshape(2, 2), "bbox", image_size(image))
            (ignore if is_crowd(annotation) else boxes)[image["id"]].append(box)

    def read_image(image: JsonObject) -> ImageLabel:
        get_fields(image, "file_name", "width", "height")
        return ImageLabel(
            image_name(image),
            *required_image_size(image),
            np.array(boxes[image["id"]]).reshape(-1, 4),
            np.array(ignore[image["id"]]).reshape(-1, 4),
            bool(image.get("exhaustive", True)),
            str(image.get("source", "")),
            str(image.get("group", "")),
        )

    remedy = "correct or remove it"
    read_entries(path, file.annotations(), read_box, remedy=remedy)
    images = ((f"{path}: image {key}", image) for key, image in file.images.items())
    labels = read_entries(path, images, read_image, remedy=remedy)
    twice = [name for name, count in Counter(label.file_name for label in labels).items() if count > 1]
    if twice:
        raise ValueError(f"{path} lists {twice[0]!r} as several images; give all its boxes to one of them")
    return labels


def image_name(image: JsonObject) -> str:
    """The file name of an image entry. Raises ValueError where it has none, or one that no file can have."""
    (name,) = get_fields(image, "file_name")
    return checked_name(name, "file_name")


def is_crowd(annotation: JsonObject) -> bool:
    """Whether an annotation is of a crowd. Raises ValueError for anything but 0, 1, null and booleans."""
    value = annotation.get("iscrowd")
    if value not in (None, 0, 1):
        raise ValueError(f"iscrowd must be 0 or 1, got {reprlib.repr(value)}")
    return bool(value)


def image_size(image: JsonObject) -> tuple[int, int] | None:
    """Width and height of an image entry; None where it declares neither. Raises ValueError for anything else."""
    return None if image.get("width") is image.get("height") is None else required_image_size(image)


def required_image_size(image: JsonObject) -> tuple[int, int]:
    """Width and height of an image entry. Raises ValueError where it lacks one, or for anything but whole numbers."""
    width, height = get_fields(image, "width", "height")
    return integer(width, "width", 1), integer(height, "height", 1)


def _check_inside(points: Float64Array, name: str, size: tuple[int, int] | None) -> None:
    """Raises ValueError if the extent of (N, 2) points does not touch an image of a known width and height."""
    if size is not None and ((points.max(axis=0) < -0.5).any() or (points.min(axis=0) > np.array(size)).any()):
        raise ValueError(f"has its {name} at {points[0].tolist()}, beyond its image of {size[0]}x{size[1]} pixels")


class CocoFile:
    """An annotation file: its images by id, and its person annotations.

    Args:
        path: of the file, for error messages.
        data: the file's content.

    Attributes:
        images: image entries by id.
        joint_names: of the person category; empty where it has none. In COCO-WholeBody's files those of the parts
            follow.

    Raises ValueError naming the file if it is not in COCO format, if two images share an id, or if it has several
    categories and no person.
    """

    def __init__(self, path: Path, data: Any):
        missing = [key for key in ("images", "annotations") if not isinstance(data, dict) or key not in data]
        if missing:
            raise ValueError(f"{path} is not in COCO format: it has no {' and no '.join(missing)}")
        self._path = path
        self._annotations = object_list(data["annotations"], f"{path}: annotations")
        self.images = _images_by_id(path, object_list(data["images"], f"{path}: images"))
        categories = object_list(data.get("categories"), f"{path}: categories")
        people = _person_categories(path, categories)
        self._category_ids = {_checked_id(category, "id", f"{path}: a category") for category in categories}
        self._person_ids = {category.get("id") for category in people}
        self._body_names = _joint_names(path, people)
        self._has_parts = any(key in annotation for annotation in self._annotations for key in PART_KEYS)
        self.joint_names = (*self._body_names, *DETAIL_JOINTS) if self._has_parts else self._body_names

    def annotations(self) -> Iterator[tuple[str, JsonObject]]:
        """All annotations, each after its name for error messages."""
        for annotation in self._annotations:
            yield f"{self._path}: annotation {annotation.get('id', 'without id')}", annotation

    def is_person(self, annotation: JsonObject) -> bool:
        """Whether an annotation is of the category "person", in any case, or of the only category of the file.

        Raises ValueError if the file has categories, but not that of the annotation.
        """
        category = _checked_id(annotation, "category_id")
        if not self._category_ids or (category is None and self._person_ids == self._category_ids):
            return True
        if category not in self._category_ids:
            raise ValueError(f"is of category {category!r}, which the file does not list")
        return category in self._person_ids

    def image(self, annotation: JsonObject) -> JsonObject:
        """The image entry of an annotation. Raises ValueError if the file does not list it."""
        if _checked_id(annotation, "image_id") not in self.images:
            raise ValueError(f"is of image {annotation.get('image_id')!r}, which the file does not list")
        return self.images[annotation["image_id"]]

    def keypoints(self, annotation: JsonObject) -> Float64Array:
        """(J, 3) x y visibility of an annotation's keypoints, which may be a list for each joint; all 0 if it has none.

        Raises ValueError if they do not fit the file's J joints.
        """
        count = len(self._body_names)
        values = flat_list(annotation.get("keypoints") or [0] * count * 3)
        keypoints = to_array(values, (count * 3,), f"the keypoints of {count} joints").reshape(-1, 3)
        invalid = keypoints[:, 2] != np.clip(np.floor(keypoints[:, 2]), 0, 2)
        if invalid.any():
            raise ValueError(f"has a keypoint of visibility {keypoints[invalid][0, 2]}, which must be 0, 1 or 2")
        return np.vstack([keypoints, _part_keypoints(annotation)]) if self._has_parts else keypoints

    def box(self, annotation: JsonObject) -> Float64Array:
        """(4,) x1 y1 x2 y2 of an annotation's bbox, left top width height. Raises ValueError if it is invalid."""
        box = to_array(annotation.get("bbox"), (4,), "bbox")
        if not np.isfinite(box).all() or (box[2:] < 0).any():
            raise ValueError(f"needs a bbox of left, top, width, height, got {annotation['bbox']}")
        return np.concatenate([box[:2], box[:2] + box[2:]])


def _part_keypoints(annotation: JsonObject) -> Float64Array:
    """(116, 3) x y visibility of the parts of COCO-WholeBody, which states confidences of some hands: above 0 they are
    visibility 1. Raises ValueError for another number of joints."""
    values = joined_keypoints({**annotation, "keypoints": []})
    keypoints = to_array(values, (3 * len(DETAIL_JOINTS),), "the keypoints of the parts").reshape(-1, 3)
    visibility = keypoints[:, 2]
    if not ((visibility >= 0) & (visibility <= 2)).all():
        raise ValueError(f"has a keypoint of a part of visibility {visibility.max()}, which must be 0 to 2")
    keypoints[:, 2] = np.where(visibility % 1 > 0, 1, visibility)
    return keypoints


def _checked_id(entry: JsonObject, key: str, name: str = "") -> int | float | str | None:
    """An id of an entry. Raises ValueError, after the entry's name, for a list or an object."""
    value: int | float | str | None = entry.get(key)
    if isinstance(value, list | dict):
        raise ValueError(f"{name} has the {key} {reprlib.repr(value)}, which must be a number or text".lstrip())
    return value


def _images_by_id(path: Path, entries: Sequence[JsonObject]) -> dict[Any, JsonObject]:
    images: dict[Any, JsonObject] = {}
    for number, image in enumerate(entries):
        if "id" not in image:
            raise ValueError(f"{path}: image number {number} has no id")
        other = images.setdefault(_checked_id(image, "id", f"{path}: image number {number}"), image)
        if other.get("file_name") != image.get("file_name"):
            names = f"{other.get('file_name')!r} and {image.get('file_name')!r}"
            raise ValueError(f"{path}: {names} have the same image id, {image['id']!r}; give each its own")
    return images


def _person_categories(path: Path, categories: Sequence[JsonObject]) -> list[JsonObject]:
    """The category "person", in any case, or else the only one. Raises ValueError naming several others."""
    people = [category for category in categories if str(category.get("name")).strip().casefold() == "person"]
    if people or len(categories) < 2:
        return people or list(categories)
    names = ", ".join(str(category.get("name")) for category in categories)
    remedy = "rename the one to be trained to person, or keep only that one and its annotations"
    raise ValueError(f"{path} has several categories, {names}, and none is person; {remedy}")


def _joint_names(path: Path, categories: Sequence[JsonObject]) -> Sequence[str]:
    names: Any = next((category["keypoints"] for category in categories if category.get("keypoints")), [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path}: keypoints of a category must be a list of joint names, got {reprlib.repr(names)}")
    return names
