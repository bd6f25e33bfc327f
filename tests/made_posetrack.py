"""Tiny data sets in PoseTrack's layouts, of the person that `stub_stages` finds: truth and stub agree."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Collection
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from make_video import numbered_image

from pose_track.structures.skeleton import POSETRACK18_17, POSETRACK_15

ROOT = Path(__file__).parents[1]
FIRST_NUMBER = {"2017": 1, "2018": 0, "2021": 0}
FOLDERS = {"2017": "annotations", "2018": "annotations", "2021": "posetrack_data"}


def make_data(
    root: Path,
    year: str = "2018",
    names: Collection[str] = ("a", "b"),
    num_frames: int = 5,
    unlabelled: Collection[int] = (),
    listed: Collection[int] | None = None,
    split: str = "val",
) -> Path:
    """Sequences of so many pictures each. unlabelled: frames where nobody was looked for; listed: the frames in the
    annotation files, all if not given. Returns the folder of those files."""
    folder = root / FOLDERS[year] / split
    folder.mkdir(parents=True)
    first, digits = FIRST_NUMBER[year], 8 if year == "2017" else 6
    for number, name in enumerate(names):
        pictures = root / "images" / split / name
        pictures.mkdir(parents=True)
        called = [f"{first + i:0{digits}d}.jpg" for i in range(num_frames)]
        for i, file in enumerate(called):
            cv2.imwrite(str(pictures / file), numbered_image(i))
        frames = {i: f"images/{split}/{name}/{called[i]}" for i in (range(num_frames) if listed is None else listed)}
        lay_out = annolist if year == "2017" else images_and_annotations
        (folder / f"{name}.json").write_text(json.dumps(lay_out(frames, set(unlabelled), number)))
    return folder


def joints(index: int) -> np.ndarray[Any, Any]:
    """(15, 2) where the stub finds the joints in a frame from 1 on."""
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


def run_tool(name: str, *words: object) -> int:
    """The exit code of a program of tools/, in this process."""
    try:
        return _load_tool(name).main([str(word) for word in words])  # type: ignore[no-any-return]
    except SystemExit as error:
        return int(error.code or 0)


def benchmark(root: Path, *words: object, year: str = "2018") -> int:
    """The exit code of the benchmark of a data set, which is kept beside it in `out`."""
    return run_tool("run_posetrack", "--root", root, "--year", year, "--out", root.parent / "out", *words)


def report(root: Path) -> dict[str, Any]:
    """What that wrote into report.json."""
    return json.loads((root.parent / "out" / "report.json").read_text())  # type: ignore[no-any-return]


def _load_tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{name}_tool", ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
