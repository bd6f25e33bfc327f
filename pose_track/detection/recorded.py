"""Boxes of another detector, read from a file."""

from __future__ import annotations

import csv
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.geometry.boxes import xywh_to_xyxy
from pose_track.structures.frames import Detections, Frame

RowsByFrame = dict[int, list[list[float]]]
"""By frame index from 0: rows of left, top, width, height, score."""


class RecordedDetector:
    """A detector whose boxes are read from a file.

    Args:
        path: COCO detection results (.json, a list of entries with image_id, bbox as left, top, width, height, and
            score; image_id is the frame index from 0; entries of categories other than 1 are skipped), or MOTChallenge
            detections (.txt with frame from 1, id, left, top, width, height, confidence). Scores outside [0, 1], which
            some detectors write, are clipped.
        min_score: score below which a box is dropped.

    Raises FileNotFoundError, or ValueError with the file and the line or entry.
    """

    def __init__(self, path: Path, min_score: float = 0.0):
        if not path.is_file():
            raise FileNotFoundError(
                f"there is no file of boxes {str(path)!r}; give a COCO .json or a MOTChallenge .txt"
            )
        rows = _read_coco(path) if path.suffix == ".json" else _read_mot(path)
        self._rows = {index: np.array(boxes) for index, boxes in rows.items()}
        self._min_score = min_score

    def __call__(self, frame: Frame) -> Detections:
        """The boxes of a frame, by descending score."""
        rows = self._rows.get(frame.index)
        if rows is None:
            return Detections.empty()
        rows = rows[rows[:, 4] >= self._min_score]
        rows = rows[np.argsort(-rows[:, 4], kind="stable")].astype(np.float32)
        boxes = xywh_to_xyxy(rows[:, :4]).astype(np.float32)
        return Detections(boxes, rows[:, 4], np.full(len(rows), "recorded"))


def _parse_row(box: Sequence[object], score: object) -> list[float]:
    """left, top, width, height and the score clipped to [0, 1]. Raises ValueError or TypeError for anything else."""
    values = [float(str(value)) for value in (*box, score)]
    if len(values) != 5 or not all(map(math.isfinite, values)) or min(values[2:4]) <= 0:
        raise ValueError(f"not a box: {values}")
    return [*values[:4], min(max(values[4], 0.0), 1.0)]


def _read_coco(path: Path) -> RowsByFrame:
    rows: RowsByFrame = defaultdict(list)
    for number, entry in enumerate(_read_entries(path)):
        try:
            if entry.get("category_id", 1) == 1:
                rows[int(entry["image_id"])].append(_parse_row(entry["bbox"], entry["score"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            required = "a whole image_id, a bbox of left, top, width, height with sides above 0, and a score"
            raise ValueError(f"{path}, entry {number}: must have {required}, got {entry}") from None
    return rows


def _read_entries(path: Path) -> list[Any]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(entries, list):
        raise ValueError(f"{path} must hold a list of detections with image_id, bbox and score")
    return entries


def _read_mot(path: Path) -> RowsByFrame:
    rows: RowsByFrame = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.reader(file), 1):
            if not row:  # a blank line
                continue
            try:
                frame, box = int(row[0]), _parse_row(row[2:6], row[6])
                if frame < 1:
                    raise ValueError("frames count from 1")
            except (ValueError, IndexError):
                required = "frame from 1, id, left, top, width, height with sides above 0, confidence"
                raise ValueError(f"{path}, line {number}: must be {required}, got {','.join(row)!r}") from None
            rows[frame - 1].append(box)
    return rows
