"""PoseTrack18's layout, which PoseTrack21 shares: images, annotations and categories as in COCO, as a PoseSequence."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.formats.posetrack.v2018_annotations import AnnotationReader, FileJoints, JsonObject
from pose_track.formats.problems import Problems
from pose_track.formats.validate import finite_number, integer, object_list, try_read
from pose_track.structures.arrays import Float64Array
from pose_track.structures.joint_names import joint_name
from pose_track.structures.sequence import FrameInfo, PoseSequence
from pose_track.structures.skeleton import POSETRACK18_17

LAYOUT = "posetrack18"

_DEFAULT_NAMES = list(POSETRACK18_17.joint_names)


def sequence18(path: Path, data: Mapping[str, Any], problems: Problems) -> PoseSequence:
    """The content of a file as a PoseSequence.

    An invalid person is added to `problems`, with file, frame and its position, and left out; so are invalid joints
    and fields of frames. Raises ValueError where the lists of the layout or the joint names are invalid.
    """
    images, annotations, categories = (
        object_list(data.get(key), f"{path}: {key}") for key in ("images", "annotations", "categories")
    )
    names, person_ids = _joint_names(categories, path), _person_ids(categories)
    frames = [_frame_info(index, image, f"{path}, frame {index}", problems) for index, image in enumerate(images)]
    annotations = [a for a in annotations if not person_ids or a.get("category_id", person_ids[0]) in person_ids]
    reader = AnnotationReader(path, frames, _file_joints(names, path), problems)
    people, frame_indices = reader.read(annotations)
    known = {"images", "annotations"} | (set() if names == _DEFAULT_NAMES else {"categories"})
    extra = {key: value for key, value in data.items() if key not in known}
    return PoseSequence(path.stem, POSETRACK18_17, tuple(frames), people, frame_indices, LAYOUT, extra)


def is_labelled(image: Mapping[str, Any]) -> bool:
    """Whether a frame is labelled; true where the key is missing. Raises ValueError for another value than true and
    false."""
    value = image.get("is_labeled", True)
    if not isinstance(value, int | float):
        raise ValueError(f"is_labeled must be true or false, got {reprlib.repr(value)}")
    return bool(value)


def _joint_names(categories: list[JsonObject], path: Path) -> list[str]:
    """The joints of the first category that has any, "person" before others; the default ones where none has."""
    ordered = sorted(categories, key=lambda category: category.get("name") != "person")
    names = next((category["keypoints"] for category in ordered if category.get("keypoints")), _DEFAULT_NAMES)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path}: keypoints of the category must be names of joints, got {reprlib.repr(names)}")
    return names


def _file_joints(names: list[str], path: Path) -> FileJoints:
    positions = {joint_name(name): k for k, name in reversed(list(enumerate(names)))}  # of equal names, the first
    pairs = [(k, positions[name]) for k, name in enumerate(_DEFAULT_NAMES) if name in positions]
    if not pairs:
        raise ValueError(f"{path} has none of the joints of {POSETRACK18_17.name}, only {reprlib.repr(names)}")
    target, source = zip(*pairs, strict=True)
    return FileJoints(len(names), list(target), list(source))


def _person_ids(categories: list[JsonObject]) -> list[Any]:
    """Ids of the category "person" among several categories; empty where there is only one category."""
    return [c.get("id") for c in categories if c.get("name") == "person"] if len(categories) > 1 else []


def _frame_info(index: int, image: JsonObject, where: str, problems: Problems) -> FrameInfo:
    name = image.get("file_name", "")
    if not isinstance(name, str):
        problems.add(f"{where}: file_name must be text, got {reprlib.repr(name)}")
        name = ""
    where += f" ({name})" if name else ""
    image_id = try_read(integer, image.get("id"), "id", 0, where=where, problems=problems)
    labelled = try_read(is_labelled, image, where=where, problems=problems)
    regions = try_read(_polygons, image, where=where, problems=problems) or ()
    known = {"file_name", "id"} | ({"is_labeled"} if labelled is None else set())
    known |= {key for key in ("ignore_regions_x", "ignore_regions_y") if image.get(key)}
    extra = {key: value for key, value in image.items() if key not in known}
    return FrameInfo(index, name, image_id, labelled is not False, regions, extra=extra)


def _polygons(image: JsonObject) -> tuple[Float64Array, ...]:
    xs, ys = (_coordinates(image, key) for key in ("ignore_regions_x", "ignore_regions_y"))
    if [len(x) for x in xs] != [len(y) for y in ys]:
        raise ValueError(f"ignore_regions_x and _y must have equal lengths, got {reprlib.repr([xs, ys])}")
    return tuple(np.array([x, y], np.float64).T for x, y in zip(xs, ys, strict=True))


def _coordinates(image: JsonObject, key: str) -> list[list[float]]:
    regions = image.get(key) or []
    if not isinstance(regions, list) or not all(isinstance(region, list) for region in regions):
        raise ValueError(f"{key} must be a list of lists, got {reprlib.repr(regions)}")
    return [[finite_number(value, key) for value in region] for region in regions]
