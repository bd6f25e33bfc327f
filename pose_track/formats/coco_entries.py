"""Entries of COCO results in the forms that other programs write, and the frames of their images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path, PureWindowsPath
from typing import Any

import msgspec

from pose_track.formats.coco_wholebody import PART_KEYS, joined_keypoints
from pose_track.formats.json_text import parse_json
from pose_track.formats.posetrack.frame_numbers import split_image_id
from pose_track.structures.sequence import FrameInfo
from pose_track.utils.text_files import to_utf8

# Python's own limit on the length of numbers in text; names of images have shorter ones
_MAX_DIGITS = 18


class _Keys(msgspec.Struct):
    image_id: msgspec.Raw


def read_entries(path: Path) -> Any:
    """The content of a JSON file; a list, too, of a file with one entry a line (JSON lines).

    Raises OSError, and ValueError naming the file, and the line where there is one entry a line.
    """
    text = to_utf8(path.read_bytes(), path)
    lines = text.lstrip().splitlines()
    if lines and is_entry(lines[0]):
        return [parse_json(line, f"{path}, line {n}") for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    return parse_json(text, path)


def is_entry(line: bytes) -> bool:
    """Whether a line of text is an entry by itself: a file has one a line, not a list.

    >>> is_entry(b'{"image_id": 1, "keypoints": [1, 2, 0.5]}'), is_entry(b'{"type": "header"}')
    (True, False)
    """
    if b'"image_id"' not in line:  # a whole file of other JSON may be one line, which is not parsed
        return False
    try:
        msgspec.json.decode(line, type=_Keys)
    except (ValueError, RecursionError):
        return False
    return True


def normalised_entry(item: Any) -> Any:
    """An entry in COCO's own form; values of any other form stay as they are, and fail in the check that follows.

    Ids may be written as 3.0 and missing ids as null, keypoints as lists of three for each joint. AlphaPose's track id
    is "idx", also within lists, and its box is "box". The parts of COCO-WholeBody are joined.

    >>> normalised_entry({"image_id": 3.0, "keypoints": [[1, 2, 0.5], [3, 4, 0.5]], "idx": [[2.0]]})
    {'image_id': 3, 'keypoints': [1, 2, 0.5, 3, 4, 0.5], 'idx': [[2.0]], 'track_id': 2}
    """
    if not isinstance(item, dict):
        return item
    entry = dict(item)
    if "idx" in entry and "track_id" not in entry:
        entry["track_id"] = _unwrapped(entry["idx"])
    if "box" in entry and "bbox" not in entry:
        entry["bbox"] = entry["box"]
    for key in ("image_id", "track_id"):
        value = entry.get(key)
        if isinstance(value, float) and value.is_integer():
            entry[key] = int(value)
    if entry.get("track_id", 0) is None:
        del entry["track_id"]
    if "keypoints" in entry:
        entry["keypoints"] = flat_list(entry["keypoints"])
    if isinstance(entry.get("keypoints"), list) and entry.keys() & set(PART_KEYS):
        with suppress(ValueError):
            entry["keypoints"] = joined_keypoints(entry)
    return entry


def flat_list(value: Any) -> Any:
    """A list of lists as one list; any other value stays as it is.

    >>> flat_list([[1, 2, 0.5], [3, 4, 0.5]])
    [1, 2, 0.5, 3, 4, 0.5]
    """
    is_nested = isinstance(value, list) and value and all(isinstance(item, list) for item in value)
    return list(chain.from_iterable(value)) if is_nested else value


def _unwrapped(value: Any) -> Any:
    """A value without the lists of one around it."""
    while isinstance(value, list) and len(value) == 1:
        (value,) = value
    return value


def image_frames(ids: Sequence[int | str], path: Path) -> tuple[FrameInfo, ...]:
    """The frames of image ids, each id once, in ascending order.

    The index of a number is the number itself; of PoseTrack18's ids of one video it is the last four digits, of several
    videos the position. Names of files are in the order of the last numbers in them, which are the indices where they
    differ and the names share a folder. Raises ValueError, with the file, where only some are names.

    >>> [(info.index, info.image_name) for info in image_frames(["10.jpg", "9.jpg", "9.jpg"], Path("a.json"))]
    [(9, '9.jpg'), (10, '10.jpg')]
    """
    names = {image_id for image_id in ids if isinstance(image_id, str)}
    numbers = sorted({image_id for image_id in ids if isinstance(image_id, int)})
    if names and numbers:
        example = f"{min(names)!r} and {numbers[0]}"
        raise ValueError(f"{path}: image ids must be all numbers or all names of files, got {example}")
    if names:
        return _named_frames(names)
    indices = [split_image_id(number) for number in numbers]
    if not any(indices):
        return tuple(FrameInfo(number, image_id=number) for number in numbers)
    is_one_video = None not in indices and len({place[0] for place in indices if place}) == 1
    places = [place[1] for place in indices if place] if is_one_video else list(range(len(numbers)))
    return tuple(FrameInfo(index, image_id=number) for index, number in zip(places, numbers, strict=True))


def _named_frames(names: set[str]) -> tuple[FrameInfo, ...]:
    ordered = sorted(names, key=lambda name: (str(PureWindowsPath(name).parent), _last_number(name), name))
    numbers = [_last_number(name) for name in ordered]
    is_one_folder = len({PureWindowsPath(name).parent for name in names}) == 1
    is_numbered = is_one_folder and min(numbers) >= 0 and len(set(numbers)) == len(numbers)
    indices = numbers if is_numbered else range(len(ordered))
    return tuple(FrameInfo(index, name) for index, name in zip(indices, ordered, strict=True))


def _last_number(name: str) -> int:
    """The last number in a file's name; -1 without one."""
    digits = re.findall(r"[0-9]+", PureWindowsPath(name).stem)
    return int(digits[-1]) if digits and len(digits[-1]) <= _MAX_DIGITS else -1
