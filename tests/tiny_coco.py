"""A small COCO-format data set for tests: noise images with one bright rectangle for each person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pose_track.structures.skeleton import POSETRACK_15

NAMES = list(POSETRACK_15.joint_names)


def write_images(folder: Path, count: int, size: tuple[int, int] = (120, 90)) -> dict[str, Any]:
    """Write images 0.png, 1.png, ... of `size` w h; returns COCO data with one person in each."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    data: dict[str, Any] = {"images": [], "annotations": []}
    data["categories"] = [{"id": 1, "name": "person", "keypoints": NAMES}]
    for i in range(count):
        image = rng.integers(0, 90, (size[1], size[0], 3), dtype=np.uint8)
        left, top, width, height = 20 + 2 * i, 10 + i, 40, 60
        image[top : top + height, left : left + width] = 230
        cv2.imwrite(str(folder / f"{i}.png"), image)
        data["images"].append({"id": i + 1, "file_name": f"{i}.png", "width": size[0], "height": size[1]})
        joints = np.column_stack([rng.uniform((left, top), (left + width, top + height), (15, 2)), np.full(15, 2)])
        annotation = {"id": i + 1, "image_id": i + 1, "category_id": 1, "bbox": [left, top, width, height]}
        data["annotations"].append({**annotation, "keypoints": joints.round(2).ravel().tolist()})
    return data


def write_coco_dataset(root: Path, count: int) -> Path:
    """Write root/people.json and root/images; returns the path of the annotations."""
    path = root / "people.json"
    path.write_text(json.dumps(write_images(root / "images", count)))
    return path
