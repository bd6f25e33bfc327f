"""PoseTrack18's layout, which PoseTrack21 has too: images, annotations and categories as in COCO, as a PoseSequence."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.formats.posetrack.v2018_annotations import FileJoints, Note, PeopleReader
from pose_track.formats.problems import Problems
from pose_track.formats.validate import attempt, finite, objects, whole
from pose_track.structures.joint_names import joint_name
from pose_track.structures.sequence import FloatArray, FrameInfo, PoseSequence
from pose_track.structures.skeleton import POSETRACK18_17

LAYOUT = "posetrack18"

_USUAL_NAMES = list(POSETRACK18_17.joint_names)


def sequence18(path: Path, data: Mapping[str, Any], problems: Problems) -> PoseSequence:
    """The PoseSequence that a file's content tells.

    A person at fault goes to `problems`, by file, frame and place in it, and is left out; a joint at fault likewise,
    and of frames what is at fault. Raises ValueError where the parts of the layout or the names of joints are.
    """
    images, notes, categories = (
        objects(data.get(key), f"{path}: {key}") for key in ("images", "annotations", "categories")
    )
    names, person_ids = _joint_names(categories, path), _person_ids(categories)
    frames = [_frame_info(index, image, f"{path}, frame {index}", problems) for index, image in enumerate(images)]
    notes = [note for note in notes if not person_ids or note.get("category_id", person_ids[0]) in person_ids]
    people, frame_of = PeopleReader(path, frames, _file_joints(names, path), problems).read(notes)
    taken = {"images", "annotations"} | (set() if names == _USUAL_NAMES else {"categories"})
    more = {key: value for key, value in data.items() if key not in taken}
    return PoseSequence(path.stem, POSETRACK18_17, tuple(frames), people, frame_of, LAYOUT, more)


def is_labelled(image: Mapping[str, Any]) -> bool:
    """Whether a frame is labelled: it is where that is not told. Raises ValueError where it is neither."""
    told = image.get("is_labeled", True)
    if not isinstance(told, int | float):
        raise ValueError(f"is_labeled must be true or false, got {reprlib.repr(told)}")
    return bool(told)


def _joint_names(categories: list[Note], path: Path) -> list[str]:
    """The joints of the first category that has any, of people before others; the usual ones where none has."""
    named = sorted(categories, key=lambda category: category.get("name") != "person")
    names = next((category["keypoints"] for category in named if category.get("keypoints")), _USUAL_NAMES)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path}: keypoints of the category must be names of joints, got {reprlib.repr(names)}")
    return names


def _file_joints(names: list[str], path: Path) -> FileJoints:
    places = {joint_name(name): place for place, name in reversed(list(enumerate(names)))}  # the first of several
    pairs = [(k, places[name]) for k, name in enumerate(_USUAL_NAMES) if name in places]
    if not pairs:
        raise ValueError(f"{path} has none of the joints of {POSETRACK18_17.name}, only {reprlib.repr(names)}")
    to, of = zip(*pairs, strict=True)
    return FileJoints(len(names), list(to), list(of))


def _person_ids(categories: list[Note]) -> list[Any]:
    """The ids of people among several categories, empty where there are no others."""
    return [c.get("id") for c in categories if c.get("name") == "person"] if len(categories) > 1 else []


def _frame_info(index: int, image: Note, where: str, problems: Problems) -> FrameInfo:
    name = image.get("file_name", "")
    if not isinstance(name, str):
        problems.add(f"{where}: file_name must be text, got {reprlib.repr(name)}")
        name = ""
    where += f" ({name})" if name else ""
    image_id = attempt(whole, image.get("id"), "id", 0, where=where, problems=problems)
    labelled = attempt(is_labelled, image, where=where, problems=problems)
    regions = attempt(_polygons, image, where=where, problems=problems) or ()
    taken = {"file_name", "id"} | ({"is_labeled"} if labelled is None else set())
    taken |= {key for key in ("ignore_regions_x", "ignore_regions_y") if image.get(key)}
    more = {key: value for key, value in image.items() if key not in taken}
    return FrameInfo(index, name, image_id, labelled is not False, regions, more=more)


def _polygons(image: Note) -> tuple[FloatArray, ...]:
    xs, ys = (_coordinates(image, key) for key in ("ignore_regions_x", "ignore_regions_y"))
    if [len(x) for x in xs] != [len(y) for y in ys]:
        raise ValueError(f"ignore_regions_x and _y must be as long as each other, got {reprlib.repr([xs, ys])}")
    return tuple(np.array([x, y], np.float64).T for x, y in zip(xs, ys, strict=True))


def _coordinates(image: Note, key: str) -> list[list[float]]:
    regions = image.get(key) or []
    if not isinstance(regions, list) or not all(isinstance(region, list) for region in regions):
        raise ValueError(f"{key} must be a list of lists, got {reprlib.repr(regions)}")
    return [[finite(value, key) for value in region] for region in regions]
