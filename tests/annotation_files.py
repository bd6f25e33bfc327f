"""Small annotation files in the published layouts, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.io import savemat

EMPTY = np.zeros((0, 0))


def struct(*rows: dict[str, Any]) -> np.ndarray:
    """A 1 x N MATLAB struct array of rows with the same fields; an empty matrix for no rows."""
    if not rows:
        return EMPTY
    array = np.empty((1, len(rows)), [(key, object) for key in rows[0]])
    for i, row in enumerate(rows):
        for key, value in row.items():
            array[key][0, i] = value
    return array


def mpii_rect(joints: ArrayLike, visible: Any = 1.0, **changes: Any) -> dict[str, Any]:
    """A person of MPII's MATLAB file with all joints (16, 2), in pixels from 1."""
    points = [{"x": float(x), "y": float(y), "id": float(k), "is_visible": visible} for k, (x, y) in enumerate(joints)]
    head = {"x1": 10.0, "y1": 20.0, "x2": 40.0, "y2": 60.0}
    position = {"scale": 0.5, "objpos": struct({"x": 61.0, "y": 71.0})}
    return {**head, "annopoints": struct({"point": struct(*points)}), **position} | changes


def write_mpii_mat(path: Path, *images: tuple[str, list[dict[str, Any]]], img_train: Any = None) -> Path:
    """MPII's MATLAB file of images, each a name and its people. img_train: by default all are in the training split."""
    annolist = [{"image": struct({"name": name}), "annorect": struct(*people)} for name, people in images]
    in_train = np.ones((1, len(images))) if img_train is None else np.array([img_train], np.float64)
    release = {"annolist": struct(*annolist), "img_train": in_train, "version": "12"}
    savemat(path, {"RELEASE": struct(release)}, do_compression=True)
    return path


def posetrack17_rect(points: dict[int, tuple[float, ...]], **changes: Any) -> dict[str, Any]:
    """A person of a 2017 file: joint id -> x y, or x y visible."""
    joints = [{"id": [k], "x": [p[0]], "y": [p[1]], "is_visible": [p[2] if p[2:] else 1]} for k, p in points.items()]
    head = {"x1": [10], "y1": [20], "x2": [40], "y2": [60]}
    return {**head, "track_id": [0], "annopoints": [{"point": joints}]} | changes


def posetrack17_frame(name: str, *rects: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"image": [{"name": name}], "imgnum": [1], "is_labeled": [1], "annorect": list(rects)} | changes


def write_json(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
