#!/usr/bin/env python3
"""Render pictures of people with their joints and boxes as training data: tools/make_figures.py --out DIR --images N.

Writes DIR/images/*.jpg and DIR/figures.json, in COCO format with PoseTrack's 15 joints.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pose_track.datasets.figures import render_scene
from pose_track.geometry.boxes import xyxy_to_xywh
from pose_track.structures.skeleton import POSETRACK_15


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1000, help="of the first picture; each one has its own")
    args = parser.parse_args(arguments)
    (args.out / "images").mkdir(parents=True, exist_ok=True)
    category = {"id": 1, "name": "person", "keypoints": list(POSETRACK_15.joint_names)}
    data: dict[str, list[dict[str, object]]] = {"images": [], "annotations": [], "categories": [category]}
    for number in range(args.images):
        seed = args.seed + number
        image, joints, visibility, boxes = render_scene(seed, 1 + seed % 4)
        name = f"{seed:06d}.jpg"
        jpeg = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        (args.out / "images" / name).write_bytes(jpeg.tobytes())
        height, width = image.shape[:2]
        data["images"].append({"id": seed, "file_name": name, "width": width, "height": height, "source": "figures"})
        for box, xy, seen in zip(xyxy_to_xywh(boxes).round(2), joints, visibility, strict=True):
            if not box[2:].all():  # wholly outside the picture
                continue
            keypoints = np.column_stack([xy.round(2), seen]) * (seen > 0)[:, None]
            note = {"id": len(data["annotations"]) + 1, "image_id": seed, "category_id": 1, "iscrowd": 0}
            data["annotations"].append(note | {"bbox": box.tolist(), "keypoints": keypoints.ravel().tolist()})
    (args.out / "figures.json").write_text(json.dumps(data))
    print(f"{args.images} pictures, {len(data['annotations'])} people -> {args.out}")


if __name__ == "__main__":
    main()
