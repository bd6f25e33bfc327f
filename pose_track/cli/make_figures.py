"""Render synthetic people with their joints and boxes as training images.

Writes DIR/images/*.jpg and DIR/figures.json, in COCO format with the 15 joints of PoseTrack.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pose_track.cli.parser import Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="output folder")
    parser.add_argument("--images", type=int, default=500, metavar="N", help="number of images (default: 500)")
    parser.add_argument(
        "--seed",
        type=int,
        default=1000,
        metavar="N",
        help="seed of the first image; each next image has the next (default: 1000)",
    )


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.structures.skeleton import POSETRACK_15

    (options.out / "images").mkdir(parents=True, exist_ok=True)
    category = {"id": 1, "name": "person", "keypoints": list(POSETRACK_15.joint_names)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for seed in range(options.seed, options.seed + options.images):
        image, people = _render(seed, options.out / "images")
        images.append(image)
        for person in people:
            annotations.append({"id": len(annotations) + 1, **person})
    data = {"images": images, "annotations": annotations, "categories": [category]}
    (options.out / "figures.json").write_text(json.dumps(data), encoding="utf-8")
    print(f"{options.images} images, {len(annotations)} people -> {options.out}")
    return 0


def _render(seed: int, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Write the image of a seed; returns its entry and those of its people, in COCO format."""
    import cv2
    import numpy as np

    from pose_track.datasets.synthetic import render_scene
    from pose_track.geometry.boxes import xyxy_to_xywh

    image, joints, visibility, boxes = render_scene(seed, 1 + seed % 4)
    name = f"{seed:06d}.jpg"
    jpeg = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    (folder / name).write_bytes(jpeg.tobytes())
    people = []
    for box, xy, visible in zip(xyxy_to_xywh(boxes).round(2), joints, visibility, strict=True):
        if not box[2:].all():  # outside the image
            continue
        keypoints = np.column_stack([xy.round(2), visible]) * (visible > 0)[:, None]
        entry = {"image_id": seed, "category_id": 1, "iscrowd": 0}
        people.append(entry | {"bbox": box.tolist(), "keypoints": keypoints.ravel().tolist()})
    height, width = image.shape[:2]
    return {"id": seed, "file_name": name, "width": width, "height": height, "source": "figures"}, people
