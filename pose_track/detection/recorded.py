"""Boxes that another program found, read from a file."""

from __future__ import annotations

import csv
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pose_track.geometry.boxes import xywh_to_xyxy
from pose_track.structures.frames import Detections, Frame

Rows = dict[int, list[list[float]]]


class RecordedDetector:
    """The boxes a file gives for each frame.

    path: COCO detection results (.json, a list of image_id, bbox left top width height, score; image_id is the frame's
    index from 0; categories other than 1 are passed over), or MOTChallenge detections (.txt, frame from 1, id, left,
    top, width, height, confidence). Scores outside [0, 1], which some detectors give, count as 0 or 1. min_score: boxes
    below it are left out. Raises FileNotFoundError, or ValueError naming the file and the line or entry.
    """

    def __init__(self, path: Path, min_score: float = 0.0):
        if not path.is_file():
            known = "give a COCO .json or a MOTChallenge .txt"
            raise FileNotFoundError(f"there is no file of boxes {str(path)!r}; {known}")
        rows = _read_coco(path) if path.suffix == ".json" else _read_mot(path)
        self._rows = {index: np.array(boxes) for index, boxes in rows.items()}
        self._min_score = min_score

    def __call__(self, frame: Frame) -> Detections:
        """The boxes of this frame, highest score first."""
        rows = self._rows.get(frame.index)
        if rows is None:
            return Detections.empty()
        rows = rows[rows[:, 4] >= self._min_score]
        rows = rows[np.argsort(-rows[:, 4], kind="stable")].astype(np.float32)
        boxes = xywh_to_xyxy(rows[:, :4]).astype(np.float32)
        return Detections(boxes, rows[:, 4], np.full(len(rows), "recorded"))


def _row(box: Sequence[object], score: object) -> list[float]:
    """left, top, width, height and the score cut to [0, 1]. Raises ValueError or TypeError for anything else."""
    values = [float(str(value)) for value in (*box, score)]
    if len(values) != 5 or not all(map(math.isfinite, values)) or min(values[2:4]) <= 0:
        raise ValueError(f"no box: {values}")
    return [*values[:4], min(max(values[4], 0.0), 1.0)]


def _read_coco(path: Path) -> Rows:
    rows: Rows = defaultdict(list)
    try:
        notes = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(notes, list):
        raise ValueError(f"{path} must hold a list of detections with image_id, bbox and score")
    for number, note in enumerate(notes):
        try:
            if note.get("category_id", 1) == 1:
                rows[int(note["image_id"])].append(_row(note["bbox"], note["score"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            needed = "a whole image_id, bbox of left, top, width, height above 0, and score"
            raise ValueError(f"{path}, entry {number}: must have {needed}, got {note}") from None
    return rows


def _read_mot(path: Path) -> Rows:
    rows: Rows = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.reader(file), 1):
            if not row:  # a blank line
                continue
            try:
                frame, known = int(row[0]), _row(row[2:6], row[6])
                if frame < 1:
                    raise ValueError("frames count from 1")
            except (ValueError, IndexError):
                needed = "frame from 1, id, left, top, width, height above 0, confidence"
                raise ValueError(f"{path}, line {number}: must be {needed}, got {','.join(row)!r}") from None
            rows[frame - 1].append(known)
    return rows
