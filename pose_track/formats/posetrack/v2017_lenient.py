"""PoseTrack17 files with additional keys, bare scalars or errors.

They are read item by item, so that an error can be named, or skipped if `Problems` is lenient.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pose_track.formats.posetrack.v2017 import NUM_JOINTS, ParsedPose17, Point, Rect, polygon
from pose_track.formats.problems import Problems
from pose_track.formats.validate import INT64_MAX, finite_number, integer, object_list, try_read
from pose_track.structures.arrays import Float64Array
from pose_track.structures.sequence import NO_EXTRA, FrameInfo

JsonObject = dict[str, Any]

_CORNERS = ("x1", "y1", "x2", "y2")
_RECT_KEYS = {*_CORNERS, "score", "track_id", "annopoints"}


def parse17_lenient(path: Path, data: JsonObject, problems: Problems) -> ParsedPose17:
    """Parse the content of a file.

    An invalid person is added to `problems`, with file, frame and its position, and left out; so are invalid points
    and fields of frames. Raises ValueError where there is no list of frames.
    """
    if not isinstance(data["annolist"], list):
        raise ValueError(f"{path}: annolist must be a list of frames, got {reprlib.repr(data['annolist'])}")
    parsed = ParsedPose17([], [], [], [], [], [], {key: value for key, value in data.items() if key != "annolist"})
    for index, frame in enumerate(data["annolist"]):
        where = f"{path}, frame {index}"
        if not isinstance(frame, dict):
            problems.add(f"{where} must be an object, got {reprlib.repr(frame)}")
            frame = {}
        info = _frame_info(index, frame, where, problems)
        where += f" ({info.image_name})" if info.image_name else ""
        is_added = [_add_person(parsed, *person, problems) for person in _people(frame, where, problems)]
        parsed.frames.append(info)
        parsed.num_people.append(sum(is_added))
    return parsed


def image_name(frame: Mapping[str, Any]) -> str:
    """The name of a frame's image; "" where missing. Raises ValueError where it is not text."""
    image = scalar(frame, "image")
    if image is None:
        return ""
    name = scalar(image, "name") if isinstance(image, dict) else image
    if not isinstance(image, dict) or not isinstance(name, str | None):
        raise ValueError(f"image must be an object with a name, got {reprlib.repr(image)}")
    return name or ""


def is_labelled(frame: Mapping[str, Any]) -> bool:
    """Whether a frame is labelled: true where the key is missing, false where it is []. Raises ValueError for another
    value than 0 and 1."""
    value = scalar(frame, "is_labeled", True)
    if value is not None and not isinstance(value, int | float):
        raise ValueError(f"is_labeled must be 0 or 1, got {value!r}")
    return bool(value)


def scalar(item: Mapping[str, Any], key: str, default: Any = None) -> Any:
    """A value, taken out of its list of one; None for an empty list. Raises ValueError for a longer list."""
    value = item.get(key, default)
    if not isinstance(value, list):
        return value
    if len(value) > 1:
        raise ValueError(f"{key} must be a list of one, got {reprlib.repr(value)}")
    return value[0] if value else None


def _frame_info(index: int, frame: JsonObject, where: str, problems: Problems) -> FrameInfo:
    name = try_read(image_name, frame, where=where, problems=problems)
    where += f" ({name})" if name else ""
    labelled = try_read(is_labelled, frame, where=where, problems=problems)
    field = "ignore_regions"
    regions = try_read(object_list, frame.get(field), field, where=where, problems=problems) or []
    polygons = [
        try_read(_polygon, region, where=f"{where}, ignore region {number}", problems=problems)
        for number, region in enumerate(regions)
    ]
    # `extra` keeps a known key only where its form in the file differs from the one that the writer uses
    known = {"annorect"} | ({"image"} if name is None or frame.get("image") == [{"name": name}] else set())
    known |= {"ignore_regions"} if frame.get("ignore_regions") else set()
    known |= {"is_labeled"} if labelled is None else set()
    return FrameInfo(
        index,
        name or "",
        is_labelled=labelled is not False,
        ignore_regions=tuple(shape for shape in polygons if shape is not None),
        extra={key: value for key, value in frame.items() if key not in known},
    )


def _polygon(region: JsonObject) -> Float64Array:
    corners = object_list(region.get("point"), "point")
    return polygon([(_number(corner, "x"), _number(corner, "y")) for corner in corners])


def _people(frame: JsonObject, where: str, problems: Problems) -> list[tuple[JsonObject, str]]:
    """The people of a frame, each with its place for messages."""
    rects = frame.get("annorect") or []
    if not isinstance(rects, list):
        problems.add(f"{where}: annorect must be a list of people, got {reprlib.repr(rects)}")
        return []
    people = []
    for position, rect in enumerate(rects):
        if isinstance(rect, dict):
            people.append((rect, f"{where}, person {position}"))
        else:
            problems.add(f"{where}, person {position} must be an object, got {reprlib.repr(rect)}")
    return people


def _add_person(parsed: ParsedPose17, person: JsonObject, where: str, problems: Problems) -> bool:
    """Add a person and its valid points; return whether the person itself is valid."""
    rect = try_read(_rect, person, where=where, problems=problems)
    items = try_read(_point_items, person, where=where, problems=problems) if rect is not None else None
    if rect is None or items is None:
        return False
    before = len(parsed.points)
    for position, item in enumerate(items):
        point = try_read(_point, item, where=f"{where}, point {position}", problems=problems)
        if point is not None:
            parsed.points.append(point)
    parsed.rects.append(rect)
    parsed.num_points.append(len(parsed.points) - before)
    extra = {k: v for k, v in person.items() if k not in _RECT_KEYS or _is_unusual_blank(k, v, items)}
    parsed.person_extras.append(extra or NO_EXTRA)
    return True


def _is_unusual_blank(key: str, value: Any, points: list[JsonObject]) -> bool:
    """Whether a key has no value, in another form than the one that the writer uses."""
    return value != [] and not points if key == "annopoints" else value in ([], None)


def _rect(person: JsonObject) -> Rect:
    corners = {key: (_number(person, key, math.nan),) for key in (*_CORNERS, "score")}
    return Rect([], track_id=(_integer(person, "track_id", -1, INT64_MAX, -1),), **corners)


def _point_items(person: JsonObject) -> list[JsonObject]:
    annopoints = object_list(person.get("annopoints"), "annopoints")
    if len(annopoints) > 1:
        raise ValueError(f"annopoints must be a list of one, got {reprlib.repr(annopoints)}")
    return object_list(annopoints[0].get("point"), "point") if annopoints else []


def _point(item: JsonObject) -> Point:
    return Point(
        _integer(item, "id", 0, NUM_JOINTS - 1),
        _number(item, "x"),
        _number(item, "y"),
        _number(item, "score", math.nan),
        _integer(item, "is_visible", -1, 127, -1),
    )


def _number(item: JsonObject, key: str, default: float | None = None) -> float:
    value = scalar(item, key)
    return default if value is None and default is not None else finite_number(value, key)


def _integer(item: JsonObject, key: str, least: int, most: int, default: int | None = None) -> int:
    value = scalar(item, key)
    return default if value is None and default is not None else integer(value, key, least, most)
