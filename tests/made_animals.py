"""Made four-legged animals of 12 joints: drawn images, COCO-format labels, and their skeleton file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

NAMES = [
    "nose", "left_ear", "right_ear", "withers", "croup", "tail_tip", "left_elbow", "right_elbow",
    "left_fore_hoof", "right_fore_hoof", "left_hind_hoof", "right_hind_hoof",
]  # fmt: skip
SKELETON: dict[str, Any] = {
    "name": "made_horse",
    "joints": NAMES,
    "edges": [
        ["nose", "left_ear"], ["nose", "right_ear"], ["nose", "withers"], ["withers", "croup"], ["croup", "tail_tip"],
        ["withers", "left_elbow"], ["withers", "right_elbow"], ["left_elbow", "left_fore_hoof"],
        ["right_elbow", "right_fore_hoof"], ["croup", "left_hind_hoof"], ["croup", "right_hind_hoof"],
    ],
    "sigmas": [0.03, 0.04, 0.04, 0.08, 0.08, 0.06, 0.07, 0.07, 0.05, 0.05, 0.05, 0.05],
    "colours": [
        [255, 255, 0], [255, 160, 0], [160, 255, 0], [255, 255, 255], [200, 200, 200], [255, 0, 255], [255, 80, 80],
        [80, 80, 255], [255, 0, 0], [0, 0, 255], [255, 120, 0], [0, 200, 255],
    ],
}  # fmt: skip
IMAGE_SIZE = (160, 128)


def write_skeleton(path: Path) -> Path:
    path.write_text(yaml.safe_dump(SKELETON))
    return path


def write_animals(root: Path, count: int, seed: int = 0) -> Path:
    """Write root/images/000.png, ... with an animal each, and root/animals.json, whose path is returned."""
    rng = np.random.default_rng(seed)
    (root / "images").mkdir(parents=True, exist_ok=True)
    category = {"id": 1, "name": "horse", "keypoints": NAMES}
    data: dict[str, Any] = {"images": [], "annotations": [], "categories": [category]}
    for number in range(count):
        image, joints = draw_animal(rng)
        cv2.imwrite(str(root / "images" / f"{number:03}.png"), image[:, :, ::-1])
        entry = {"id": number, "file_name": f"{number:03}.png", "width": IMAGE_SIZE[0], "height": IMAGE_SIZE[1]}
        low, high = joints.min(axis=0) - 6, joints.max(axis=0) + 6
        keypoints = np.column_stack([joints, np.full(len(joints), 2)]).round(2)
        label = {"id": number, "image_id": number, "category_id": 1, "keypoints": keypoints.ravel().tolist()}
        data["images"].append(entry)
        data["annotations"].append({**label, "bbox": [*low.tolist(), *(high - low).tolist()], "iscrowd": 0})
    (root / "animals.json").write_text(json.dumps(data))
    return root / "animals.json"


def draw_animal(rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """An image (H, W, 3) uint8 RGB, and the animal's joints (12, 2) in pixels.

    Its near side is dark and its far side light. An animal that walks to the right shows its right side.
    """
    width, height = IMAGE_SIZE
    image = rng.integers(120, 170, (height, width, 3), dtype=np.uint8)
    image[int(0.75 * height) :] = image[int(0.75 * height) :] // 2 + np.array([30, 60, 20], np.uint8)
    scale, place = rng.uniform(0.8, 1.2), np.array([width / 2, 0.5 * height]) + rng.uniform(-12, 12, 2)
    steps = rng.uniform(-9, 9, 4)
    near_far = np.array([
        [52, -22], [42, -36], [38, -34], [25, -8], [-28, -10], [-46, 14 + rng.uniform(-8, 8)],
        [22 + steps[0] / 2, 12], [24 + steps[1] / 2, 12], [22 + steps[0], 36], [26 + steps[1], 35],
        [-26 + steps[2], 36], [-22 + steps[3], 35],
    ])  # fmt: skip
    points = near_far * scale
    facing_right = bool(rng.random() < 0.5)
    points[:, 0] *= 1 if facing_right else -1
    points += place
    _draw(image, points, round(8 * scale))
    sides = [NAMES.index(name.replace("left", "right") if "left" in name else name.replace("right", "left"))
             for name in NAMES]  # fmt: skip
    return image, points[sides] if facing_right else points


def _draw(image: NDArray[np.uint8], points: NDArray[np.float64], thickness: int) -> None:
    """Draw the far side, the body and the near side. points: joints of an animal whose near side is the left one."""
    at = [tuple(point) for point in points.round().astype(int).tolist()]
    for colour, side in (((190, 150, 110), "right"), ((90, 50, 25), "left")):
        elbow, fore, hind, ear = (
            at[NAMES.index(f"{side}_{part}")] for part in ("elbow", "fore_hoof", "hind_hoof", "ear")
        )
        for start, end in ((at[3], elbow), (elbow, fore), (at[4], hind)):
            cv2.line(image, start, end, colour, thickness // 2)
        cv2.line(image, at[0], ear, colour, thickness // 2)
        for hoof in (fore, hind):
            cv2.circle(image, hoof, 3, (20, 20, 20), -1)
        if side == "right":
            cv2.line(image, at[3], at[4], (140, 90, 50), 2 * thickness)
            cv2.line(image, at[3], at[0], (140, 90, 50), thickness)
            cv2.line(image, at[4], at[5], (40, 20, 10), 2)
    cv2.circle(image, at[0], 3, (230, 190, 190), -1)
