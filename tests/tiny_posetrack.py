"""Tiny data sets in PoseTrack's layouts. The labelled person is the one that `stub_stages` detects."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from command_line import run_command
from make_video import numbered_image

from pose_track.structures.skeleton import POSETRACK18_17, POSETRACK_15

ROOT = Path(__file__).parents[1]
FIRST_NUMBER = {"2017": 1, "2018": 0, "2021": 0}
FOLDERS = {"2017": "annotations", "2018": "annotations", "2021": "posetrack_data"}


def write_posetrack_dataset(
    root: Path,
    year: str = "2018",
    names: Collection[str] = ("a", "b"),
    num_frames: int = 5,
    unlabelled: Collection[int] = (),
    listed: Collection[int] | None = None,
    split: str = "val",
) -> Path:
    """Write sequences of `num_frames` images each; returns the folder of annotations.

    unlabelled: frames that are listed but not labelled.
    listed: the frames in the annotation files; all if None.
    """
    folder = root / FOLDERS[year] / split
    folder.mkdir(parents=True)
    first, digits = FIRST_NUMBER[year], 8 if year == "2017" else 6
    for number, name in enumerate(names):
        image_folder = root / "images" / split / name
        image_folder.mkdir(parents=True)
        file_names = [f"{first + i:0{digits}d}.jpg" for i in range(num_frames)]
        for i, file in enumerate(file_names):
            cv2.imwrite(str(image_folder / file), numbered_image(i))
        frames = {
            i: f"images/{split}/{name}/{file_names[i]}" for i in (range(num_frames) if listed is None else listed)
        }
        layout = annolist if year == "2017" else images_and_annotations
        (folder / f"{name}.json").write_text(json.dumps(layout(frames, set(unlabelled), number)))
    return folder


def joints(index: int) -> np.ndarray[Any, Any]:
    """(15, 2) the joints that `stub_stages` estimates in a frame; there is nobody in frame 0."""
    return np.array([10.0 + 2 * index, 20]) + np.linspace(0.1, 0.9, 15)[:, None] * (40, 80)


def annolist(frames: dict[int, str], unlabelled: set[int], number: int) -> dict[str, Any]:
    def rect(index: int) -> dict[str, Any]:
        points = [
            {"id": [k], "x": [x], "y": [y], "is_visible": [1]}
            for k, (x, y) in enumerate(joints(index).round(2).tolist())
        ]
        return {"track_id": [3], "annopoints": [{"point": points}], "x1": [10], "y1": [10], "x2": [40], "y2": [50]}

    return {
        "annolist": [
            {
                "image": [{"name": name}],
                "imgnum": [index + 1],
                "is_labeled": [int(index not in unlabelled)],
                "annorect": [rect(index)] if index and index not in unlabelled else [],
            }
            for index, name in frames.items()
        ]
    }


def images_and_annotations(frames: dict[int, str], unlabelled: set[int], number: int) -> dict[str, Any]:
    ids = {index: 10**10 + (number + 1) * 10**4 + index for index in frames}
    images = [
        {"file_name": name, "id": ids[i], "frame_id": ids[i], "vid_id": f"{number + 1:06d}", "nframes": len(frames),
         "is_labeled": i not in unlabelled, "has_no_densepose": True}
        for i, name in frames.items()
    ]  # fmt: skip
    annotations = [
        {"id": ids[i] * 100, "image_id": ids[i], "category_id": 1, "track_id": 3, "bbox": [10 + 2 * i, 20, 40, 80],
         "bbox_head": [10, 10, 30, 40], "keypoints": keypoints(i), "scores": []}
        for i in frames if i and i not in unlabelled
    ]  # fmt: skip
    names = list(POSETRACK18_17.joint_names)
    category = {"id": 1, "name": "person", "supercategory": "person", "keypoints": names, "skeleton": []}
    return {"images": images, "annotations": annotations, "categories": [category]}


def keypoints(index: int) -> list[float]:
    rows = np.zeros((17, 3))
    for name, xy in zip(POSETRACK_15.joint_names, joints(index).round(2), strict=True):
        rows[POSETRACK18_17.index(name)] = [*xy, 1]
    return rows.ravel().tolist()  # type: ignore[no-any-return]


def benchmark(root: Path, *words: object, year: str = "2018") -> int:
    """Run `pose-track posetrack` on a data set, with --out beside it in `out`; returns the exit code."""
    return run_command("posetrack", "--root", root, "--year", year, "--out", root.parent / "out", *words)


def report(root: Path) -> dict[str, Any]:
    """The report.json of that run."""
    return json.loads((root.parent / "out" / "report.json").read_text())  # type: ignore[no-any-return]
