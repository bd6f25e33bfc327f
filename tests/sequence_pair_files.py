"""Files of gt and exact predictions: two sequences, a and b, of three frames with two people each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pose_track.structures.skeleton import POSETRACK18_17, POSETRACK_15

SEQUENCES, FRAMES, PEOPLE = ("a", "b"), 3, 2


def joint_positions(frame: int, person: int) -> list[tuple[float, float]]:
    return [(100.0 + 200 * person + 5 * frame + 3 * k, 50.0 + 4 * k) for k in range(15)]


def person17(frame: int, person: int, is_gt: bool) -> dict[str, Any]:
    points: list[dict[str, Any]] = [
        {"id": [k], "x": [x], "y": [y]} | ({"is_visible": [1]} if is_gt else {"score": [0.5 + k / 100]})
        for k, (x, y) in enumerate(joint_positions(frame, person))
    ]
    head = {"x1": [10.0], "y1": [10.0], "x2": [40.0], "y2": [50.0]} if is_gt else {}
    return {"track_id": [person], **head, "annopoints": [{"point": points}]}


def file17(name: str, is_gt: bool) -> dict[str, Any]:
    return {
        "annolist": [
            {
                "image": [{"name": f"images/{name}/{frame + 1:08d}.jpg"}],
                "annorect": [person17(frame, person, is_gt) for person in range(PEOPLE)],
            }
            for frame in range(FRAMES)
        ]
    }


def file18(name: str, is_gt: bool) -> dict[str, Any]:
    images, annotations = [], []
    for frame in range(FRAMES):
        image_id = 10_000_000 + frame
        images.append({"file_name": f"images/{name}/{frame:06d}.jpg", "id": image_id, "frame_id": image_id})
        for person in range(PEOPLE):
            at = dict(zip(POSETRACK_15.joint_names, joint_positions(frame, person), strict=True))
            joints = [(*at[name], 1) if name in at else (0, 0, 0) for name in POSETRACK18_17.joint_names]
            keypoints = [value for joint in joints for value in joint]
            extra = {"bbox_head": [10.0, 10.0, 30.0, 40.0]} if is_gt else {"scores": [0.5] * 17}
            ids = {"id": image_id * 100 + person, "image_id": image_id, "category_id": 1, "track_id": person}
            annotations.append(ids | extra | {"keypoints": keypoints})
    person = {"id": 1, "name": "person", "keypoints": list(POSETRACK18_17.joint_names)}
    return {"images": images, "annotations": annotations, "categories": [person]}


def write_case(root: Path, layout: Callable[[str, bool], dict[str, Any]] = file17) -> tuple[Path, Path]:
    """Write the folders gt and pred; returns their paths."""
    for folder in ("gt", "pred"):
        (root / folder).mkdir()
        for name in SEQUENCES:
            (root / folder / f"{name}.json").write_text(json.dumps(layout(name, folder == "gt")))
    return root / "gt", root / "pred"


def edit(path: Path, change: Callable[[Any], object]) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
