"""Other trackers on the boxes that `pose-track benchmark identity --out DIR` stores, for its option --results.

    python -m venv rivals && rivals/bin/pip install trackers supervision
    rivals/bin/python tools/benchmarks/run_other_trackers.py DIR
    pose-track benchmark identity CONFIG --out DIR --results ours=DIR/results/ours sort=DIR/results/sort ...

It needs the packages `trackers` and `supervision` (Roboflow; Apache-2.0 and MIT), which are no dependency of this
project, and none of this project's modules. Each tracker runs with its own defaults and the frame rate of the video.
SORT has no use for boxes of a low score; `--min-score 0.58` leaves out those that the preset's detector would drop, and
the results are those of sort-0.58 and so on.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import supervision as sv
import trackers

Update = Callable[[Any, Any], Any]
"""Boxes and image of a frame -> boxes with ids."""


def make_trackers(fps: float) -> dict[str, Update]:
    """New trackers by name."""
    rate = {"frame_rate": fps}
    return {
        "sort": trackers.SORTTracker(**rate).update,
        "bytetrack": trackers.ByteTrackTracker(**rate).update,
        "ocsort": trackers.OCSORTTracker(**rate).update,
        "botsort": trackers.BoTSORTTracker(**rate).update,
    }


def read_frames(video: Path, fps: float | None) -> tuple[float, Iterator[Any]]:
    """Frames per second, and the images, BGR, of a video or of a folder of images."""
    if video.is_dir():
        names = sorted(path for path in video.iterdir() if path.suffix.lower() in (".jpg", ".png"))
        return fps or 25.0, (cv2.imread(str(name)) for name in names)
    capture = cv2.VideoCapture(str(video))
    return capture.get(cv2.CAP_PROP_FPS), _images_of(capture)


def _images_of(capture: cv2.VideoCapture) -> Iterator[Any]:
    is_read, image = capture.read()
    while is_read:
        yield image
        is_read, image = capture.read()


def read_boxes(path: Path, min_score: float) -> dict[int, Any]:
    """Boxes with a score of at least `min_score` by frame, from 1: rows of x1 y1 x2 y2 score."""
    rows: dict[int, list[list[float]]] = {}
    with path.open(newline="") as file:
        for frame, _, x, y, width, height, score, *_ in csv.reader(file):
            left, top = float(x), float(y)
            box = [left, top, left + float(width), top + float(height), float(score)]
            if box[4] >= min_score:
                rows.setdefault(int(frame), []).append(box)
    return {frame: np.array(boxes, np.float32) for frame, boxes in rows.items()}


def track(boxes: dict[int, Any], images: list[Any], update: Update) -> Iterator[str]:
    """The lines of a MOTChallenge file."""
    for frame, image in enumerate(images, 1):
        rows = boxes.get(frame, np.zeros((0, 5), np.float32))
        classes = np.zeros(len(rows), int)
        result = update(sv.Detections(xyxy=rows[:, :4], confidence=rows[:, 4], class_id=classes), image)
        if result.tracker_id is None:
            continue
        for (x1, y1, x2, y2), track_id in zip(result.xyxy.tolist(), result.tracker_id.tolist(), strict=True):
            if track_id >= 0:
                yield f"{frame},{track_id + 1},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},1,-1,-1,-1\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder of --out")
    parser.add_argument("--min-score", type=float, default=0.0, help="leave out boxes with a lower score")
    options = parser.parse_args()
    folder, min_score = options.folder, options.min_score
    for clip in json.loads((folder / "clips.json").read_text())["clips"]:
        fps, frames = read_frames(Path(clip["video"]), clip["fps"])
        images, boxes = list(frames), read_boxes(folder / "detections" / f"{clip['name']}.txt", min_score)
        for name, update in make_trackers(fps).items():
            out = folder / "results" / (f"{name}-{min_score:g}" if min_score else name)
            out.mkdir(parents=True, exist_ok=True)
            (out / f"{clip['name']}.txt").write_text("".join(track(boxes, images, update)))


if __name__ == "__main__":
    main()
