"""Boxes of another detector, read from a file."""

from __future__ import annotations

import reprlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath

import numpy as np

from pose_track.formats.coco_entries import image_frames, read_entries
from pose_track.formats.mot import parse_line
from pose_track.formats.validate import finite_number, integer
from pose_track.geometry.boxes import xywh_to_xyxy
from pose_track.structures.frames import Detections, Frame
from pose_track.utils.text_files import utf8_lines

_PERSON = 1  # COCO's category

RowsByFrame = dict[int | str, list[list[float]]]
"""By frame index from 0, or by the name of the frame's image: rows of left, top, width, height, score."""


class RecordedDetector:
    """A detector whose boxes are read from a file.

    Args:
        path: COCO detection results (.json, a list, or .jsonl, a line each, of entries with image_id, bbox as left,
            top, width, height, and score; entries of categories other than 1 are skipped), or MOTChallenge detections
            (frame from 1, id, left, top, width, height, confidence). An image_id is the frame index from 0, or the
            name of an image; of a video, the number in such a name is the index. Scores outside [0, 1], which some
            detectors write, are clipped.
        min_score: score below which a box is dropped.

    Raises FileNotFoundError, or ValueError with the file and the line or entry, and where no entry is of category 1.
    """

    def __init__(self, path: Path, min_score: float = 0.0):
        if not path.is_file():
            raise FileNotFoundError(
                f"there is no file of boxes {str(path)!r}; give a COCO .json or a MOTChallenge .txt"
            )
        rows = _read_coco(path) if path.suffix.lower() in (".json", ".jsonl") else _read_mot(path)
        self._rows = {place: np.array(boxes) for place, boxes in rows.items()}
        self._has_names = any(isinstance(place, str) for place in rows)
        self._min_score = min_score

    def __call__(self, frame: Frame) -> Detections:
        """The boxes of a frame, by descending score."""
        by_name = self._has_names and frame.image_name
        rows = self._rows.get(frame.image_name if by_name else frame.index)
        if rows is None:
            return Detections.empty()
        rows = rows[rows[:, 4] >= self._min_score]
        rows = rows[np.argsort(-rows[:, 4], kind="stable")].astype(np.float32)
        boxes = xywh_to_xyxy(rows[:, :4]).astype(np.float32)
        return Detections(boxes, rows[:, 4], np.full(len(rows), "recorded"))


def _parse_box(xywh: Sequence[object], score: object) -> list[float]:
    """left, top, width, height and the score clipped to [0, 1]. Raises ValueError for anything else."""
    box = [finite_number(value, "bbox") for value in xywh]
    if len(box) != 4 or min(box[2:]) <= 0:
        raise ValueError(f"bbox must be left, top, width, height with sides above 0, got {box}")
    return [*box, min(max(finite_number(score, "score"), 0.0), 1.0)]


def _read_coco(path: Path) -> RowsByFrame:
    entries = read_entries(path)
    if not isinstance(entries, list):
        raise ValueError(f"{path} must hold a list of detections with image_id, bbox and score")
    rows: RowsByFrame = defaultdict(list)
    others: set[int] = set()
    for number, entry in enumerate(entries):
        try:
            category, frame, box = _parse_entry(entry)
        except ValueError as error:
            raise ValueError(f"{path}, entry {number}: {error}") from None
        if category == _PERSON:
            rows[frame].append(box)
        else:
            others.add(category)
    if others and not rows:
        found = ", ".join(map(str, sorted(others)[:9]))
        raise ValueError(
            f"{path} has no box of category_id {_PERSON}, a person, only of {found}; give people {_PERSON}"
        )
    return _with_places(rows, path)


def _with_places(rows: RowsByFrame, path: Path) -> RowsByFrame:
    """The rows of names of images by these names without their folder, and by the indices in them, too.

    Raises ValueError, with the file, where some ids are names and some numbers, or the names are of several folders.
    """
    names = {name: PureWindowsPath(name) for name in rows if isinstance(name, str)}
    if not names:
        return rows
    folders = sorted({str(name.parent) for name in names.values()})
    if len(folders) > 1:
        raise ValueError(f"{path} has images of several folders, {folders[0]!r} and {folders[1]!r}; give one of them")
    places: dict[int | str, str] = {info.index: info.image_name for info in image_frames(list(rows), path)}
    places |= {file.name: name for name, file in names.items()}
    return {place: rows[name] for place, name in places.items()}


def _parse_entry(entry: object) -> tuple[int, int | str, list[float]]:
    """Category, frame index or name of the image, and `_parse_box`. Raises ValueError for anything else."""
    if not isinstance(entry, dict):
        raise ValueError(f"must be an object with image_id, bbox and score, got {reprlib.repr(entry)}")
    image_id, bbox, category = entry.get("image_id"), entry.get("bbox"), entry.get("category_id")
    if not isinstance(image_id, int | float | str) or image_id == "":
        raise ValueError(f"image_id must be the frame's index from 0, or a name, got {reprlib.repr(image_id)}")
    if not isinstance(bbox, list):
        raise ValueError(f"bbox must be left, top, width, height, got {reprlib.repr(bbox)}")
    category = _PERSON if category is None else integer(category, "category_id", 0)
    place = image_id if isinstance(image_id, str) else integer(image_id, "image_id", 0)
    return category, place, _parse_box(bbox, entry.get("score"))


def _read_mot(path: Path) -> RowsByFrame:
    rows: RowsByFrame = defaultdict(list)
    for number, text in enumerate(utf8_lines(path), 1):
        if not text.strip():
            continue
        try:
            line = parse_line(text.decode(errors="replace"))
            rows[line.frame - 1].append(_parse_box(line.xywh, line.score))
        except ValueError as error:
            shown = reprlib.repr(text.decode(errors="replace").strip())
            raise ValueError(f"{path}, line {number}: {error}, in {shown}") from None
    return rows
