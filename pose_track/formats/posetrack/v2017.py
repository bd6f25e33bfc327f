"""Files of PoseTrack17's layout that have keys of their own, bare scalars or faults: read item by item, so that what is
wrong can be named, and left out where one is lenient."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pose_track.formats.posetrack.v2017_fast import NUM_JOINTS, Point, Rect, Told17, polygon
from pose_track.formats.problems import Problems
from pose_track.formats.validate import INT64_MAX, attempt, finite, objects, whole
from pose_track.structures.sequence import NOTHING, FloatArray, FrameInfo

Note = dict[str, Any]

_CORNERS = ("x1", "y1", "x2", "y2")
_RECT_KEYS = {*_CORNERS, "score", "track_id", "annopoints"}


def told17(path: Path, data: Note, problems: Problems) -> Told17:
    """What the file holds. Each person at fault goes to `problems`, by file, frame and place in it, and is left out;
    a point at fault likewise, and of frames what is at fault. Raises ValueError where there is no list of frames."""
    if not isinstance(data["annolist"], list):
        raise ValueError(f"{path}: annolist must be a list of frames, got {reprlib.repr(data['annolist'])}")
    told = Told17([], [], [], [], [], [], {key: value for key, value in data.items() if key != "annolist"})
    for index, note in enumerate(data["annolist"]):
        where = f"{path}, frame {index}"
        if not isinstance(note, dict):
            problems.add(f"{where} must be an object, got {reprlib.repr(note)}")
            note = {}
        info = _frame_info(index, note, where, problems)
        where += f" ({info.image_name})" if info.image_name else ""
        people = [_add_person(told, *person, problems) for person in _people(note, where, problems)]
        told.frames.append(info)
        told.num_people.append(sum(people))
    return told


def image_name(note: Mapping[str, Any]) -> str:
    """The name of a frame's picture, "" where it is not told. Raises ValueError where it is no name."""
    image = scalar(note, "image")
    if image is None:
        return ""
    name = scalar(image, "name") if isinstance(image, dict) else image
    if not isinstance(image, dict) or not isinstance(name, str | None):
        raise ValueError(f"image must be an object with a name, got {reprlib.repr(image)}")
    return name or ""


def is_labelled(note: Mapping[str, Any]) -> bool:
    """Whether a frame is labelled: it is where that is not told at all, and is not where that is told by []. Raises
    ValueError where it is neither true nor false."""
    told = scalar(note, "is_labeled", True)
    if told is not None and not isinstance(told, int | float):
        raise ValueError(f"is_labeled must be 0 or 1, got {told!r}")
    return bool(told)


def scalar(note: Mapping[str, Any], key: str, default: Any = None) -> Any:
    """A value out of its list of one, or bare; None for an empty list. Raises ValueError for a longer list."""
    value = note.get(key, default)
    if not isinstance(value, list):
        return value
    if len(value) > 1:
        raise ValueError(f"{key} must be a list of one, got {reprlib.repr(value)}")
    return value[0] if value else None


def _frame_info(index: int, note: Note, where: str, problems: Problems) -> FrameInfo:
    name = attempt(image_name, note, where=where, problems=problems)
    where += f" ({name})" if name else ""
    labelled = attempt(is_labelled, note, where=where, problems=problems)
    regions = attempt(objects, note.get("ignore_regions"), "ignore_regions", where=where, problems=problems) or []
    polygons = [
        attempt(_polygon, region, where=f"{where}, ignore region {number}", problems=problems)
        for number, region in enumerate(regions)
    ]
    # the rest, and what the fields do not tell as the file did
    left_out = {"annorect"} | ({"image"} if name is None or note.get("image") == [{"name": name}] else set())
    left_out |= {"ignore_regions"} if note.get("ignore_regions") else set()
    left_out |= {"is_labeled"} if labelled is None else set()
    return FrameInfo(
        index,
        name or "",
        is_labelled=labelled is not False,
        ignore_regions=tuple(shape for shape in polygons if shape is not None),
        more={key: value for key, value in note.items() if key not in left_out},
    )


def _polygon(region: Note) -> FloatArray:
    return polygon([(_number(corner, "x"), _number(corner, "y")) for corner in objects(region.get("point"), "point")])


def _people(note: Note, where: str, problems: Problems) -> list[tuple[Note, str]]:
    """The people of a frame, each with what to call it."""
    rects = note.get("annorect") or []
    if not isinstance(rects, list):
        problems.add(f"{where}: annorect must be a list of people, got {reprlib.repr(rects)}")
        return []
    people = []
    for place, rect in enumerate(rects):
        if isinstance(rect, dict):
            people.append((rect, f"{where}, person {place}"))
        else:
            problems.add(f"{where}, person {place} must be an object, got {reprlib.repr(rect)}")
    return people


def _add_person(told: Told17, note: Note, where: str, problems: Problems) -> bool:
    """Add a person and its points; whether there is no fault with the person itself."""
    rect = attempt(_rect, note, where=where, problems=problems)
    notes = attempt(_point_notes, note, where=where, problems=problems) if rect is not None else None
    if rect is None or notes is None:
        return False
    before = len(told.points)
    for place, point_note in enumerate(notes):
        point = attempt(_point, point_note, where=f"{where}, point {place}", problems=problems)
        if point is not None:
            told.points.append(point)
    told.rects.append(rect)
    told.num_points.append(len(told.points) - before)
    told.mores.append({k: v for k, v in note.items() if k not in _RECT_KEYS or _says_nothing(k, v, notes)} or NOTHING)
    return True


def _says_nothing(key: str, value: Any, notes: list[Note]) -> bool:
    """Whether the file has a key without a value, in another way than it would be written."""
    return value != [] and not notes if key == "annopoints" else value in ([], None)


def _rect(note: Note) -> Rect:
    corners = {key: (_number(note, key, math.nan),) for key in (*_CORNERS, "score")}
    return Rect([], track_id=(_whole(note, "track_id", -1, INT64_MAX, -1),), **corners)


def _point_notes(note: Note) -> list[Note]:
    annopoints = objects(note.get("annopoints"), "annopoints")
    if len(annopoints) > 1:
        raise ValueError(f"annopoints must be a list of one, got {reprlib.repr(annopoints)}")
    return objects(annopoints[0].get("point"), "point") if annopoints else []


def _point(note: Note) -> Point:
    return Point(
        _whole(note, "id", 0, NUM_JOINTS - 1),
        _number(note, "x"),
        _number(note, "y"),
        _number(note, "score", math.nan),
        _whole(note, "is_visible", -1, 127, -1),
    )


def _number(note: Note, key: str, default: float | None = None) -> float:
    value = scalar(note, key)
    return default if value is None and default is not None else finite(value, key)


def _whole(note: Note, key: str, least: int, most: int, default: int | None = None) -> int:
    value = scalar(note, key)
    return default if value is None and default is not None else whole(value, key, least, most)
