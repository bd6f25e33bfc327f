"""People with feet, faces and hands, from an estimator of one's own to every file that is written of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import run_command
from make_video import make_video

from pose_track.build.custom_models import custom_stages
from pose_track.config.settings import Settings
from pose_track.pipeline.track_file import track_file
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Detections, Poses
from pose_track.structures.skeleton import COCO_WHOLEBODY_133, HALPE_26, Skeleton, joint_type, side_of

BOXES = Detections([[10, 20, 50, 100], [90, 15, 130, 110]], [0.9, 0.8])  # type: ignore[arg-type]
LAYOUTS = ("coco", "coco-dataset", "mmpose", "csv", "openpose", "posetrack18", "alphapose", "cvat", "label-studio")


def detect(image: ImageArray) -> Detections:
    return BOXES


def place(skeleton: Skeleton) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(2, K, 2) joints spread over the two boxes, from top to bottom, with the left ones at the right."""
    down = {part: n for n, part in enumerate(dict.fromkeys(skeleton.joint_types))}
    aside = {"left": 0.8, "right": 0.2, "": 0.5}
    shares = [(aside[side_of(name)], (down[joint_type(name)] + 0.5) / len(down)) for name in skeleton.joint_names]
    corner, size = BOXES.boxes[:, None, :2], (BOXES.boxes[:, 2:] - BOXES.boxes[:, :2])[:, None]
    return np.asarray(corner + np.array(shares) * size, np.float32)


@pytest.fixture(scope="module", params=[HALPE_26, COCO_WHOLEBODY_133], ids=str)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Skeleton, Path]:
    skeleton: Skeleton = request.param

    def estimate(image: ImageArray, detections: Detections) -> Poses:
        joints = place(skeleton)[: len(detections)]
        return Poses(joints, np.full(joints.shape[:2], 0.9), detections.boxes, detections.scores, skeleton)  # type: ignore[arg-type]

    folder = tmp_path_factory.mktemp(skeleton.name)
    clip = make_video(folder / "a.mp4", 6)
    summary = track_file(clip, folder / "out", custom_stages(detect, estimate, skeleton), Settings())
    assert (summary.people, summary.track_ids) == (12, {1, 2})
    return skeleton, folder / "out"


def test_records_hold_all_joints(run: tuple[Skeleton, Path]) -> None:
    skeleton, folder = run
    header, *frames = (json.loads(line) for line in (folder / "tracks.jsonl").read_text().splitlines())
    assert (header["skeleton"], header["joint_names"]) == (skeleton.name, list(skeleton.joint_names))
    assert "skeleton_definition" not in header
    joints = np.array(frames[5]["people"][0]["joints"])[:, :2]
    np.testing.assert_allclose(joints, place(skeleton)[0], atol=0.1)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_written(run: tuple[Skeleton, Path], tmp_path: Path, layout: str) -> None:
    _, folder = run
    out = tmp_path / "converted"
    assert run_command("convert", folder / "tracks.jsonl", out, "--to", layout) == 0
    assert out.exists()


def test_postprocessing_and_rendering(run: tuple[Skeleton, Path], tmp_path: Path) -> None:
    skeleton, folder = run
    assert run_command("finish", folder / "tracks.jsonl", tmp_path / "finished.jsonl") == 0
    _, *frames = (json.loads(line) for line in (tmp_path / "finished.jsonl").read_text().splitlines())
    joints = np.array(frames[3]["people"][1]["joints"])[:, :2]
    np.testing.assert_allclose(joints, place(skeleton)[1], atol=0.2)
    style = ("--style.colour_by", "joint")
    video = folder.parent / "a.mp4"
    assert (
        run_command("render", tmp_path / "finished.jsonl", "--video", video, "--out", tmp_path / "a.mp4", *style) == 0
    )
