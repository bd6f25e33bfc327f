"""Boxes that another program found, read from a file."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from pose_track.geometry.boxes import xywh_to_xyxy
from pose_track.types import Detections, Frame

Rows = dict[int, list[list[float]]]


class RecordedDetector:
    """The boxes a file gives for each frame.

    path: COCO detection results (.json, a list of image_id, bbox left top width height, score; image_id is the frame's
    index from 0), or MOTChallenge detections (.txt, frame from 1, id, left, top, width, height, confidence).
    min_score: boxes below it are left out. Raises FileNotFoundError, or ValueError naming the file and line.
    """

    def __init__(self, path: Path, min_score: float = 0.0):
        if not path.is_file():
            raise FileNotFoundError(f"there is no file of boxes {str(path)!r}; give a COCO .json or a MOTChallenge .txt")
        rows = _read_coco(path) if path.suffix == ".json" else _read_mot(path)
        self._rows = {index: np.array(boxes) for index, boxes in rows.items()}
        self._min_score = min_score

    def __call__(self, frame: Frame) -> Detections:
        """The boxes of this frame, highest score first."""
        rows = self._rows.get(frame.index)
        if rows is None:
            return Detections.empty()
        rows = rows[rows[:, 4] >= self._min_score]
        rows = rows[np.argsort(-rows[:, 4], kind="stable")]
        return Detections(xywh_to_xyxy(rows[:, :4]), rows[:, 4], np.full(len(rows), "recorded"))  # type: ignore[arg-type]


def _read_coco(path: Path) -> Rows:
    rows: Rows = defaultdict(list)
    try:
        for note in json.loads(path.read_text()):
            if note.get("category_id", 1) == 1:
                rows[int(note["image_id"])].append([*map(float, note["bbox"]), float(note["score"])])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a list of COCO detections with image_id, bbox and score ({error!r})") from None
    return rows


def _read_mot(path: Path) -> Rows:
    rows: Rows = defaultdict(list)
    with path.open(newline="") as file:
        for number, row in enumerate(csv.reader(file), 1):
            try:
                rows[int(float(row[0])) - 1].append([*map(float, row[2:6]), float(row[6])])
            except (ValueError, IndexError):
                raise ValueError(
                    f"{path}, line {number}: must be frame, id, left, top, width, height, confidence, got {row}"
                ) from None
    return rows
