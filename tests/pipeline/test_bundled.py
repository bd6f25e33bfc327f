"""The bundled networks on the project's sample, which neither was trained on."""

import json
from pathlib import Path

import numpy as np
import pytest

from pose_track.build.stages import build_stages
from pose_track.config.settings import Settings
from pose_track.geometry.boxes import iou_matrix, xywh_to_xyxy
from pose_track.structures.conversion import convert_poses
from pose_track.structures.skeleton import POSETRACK18_17
from pose_track.video.reader import open_video

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


def gt_people() -> dict[int, list[dict]]:
    data = json.loads((SAMPLE / "annotations/val/three_people.json").read_text())
    frames = {image["id"]: index for index, image in enumerate(data["images"])}
    people: dict[int, list[dict]] = {index: [] for index in frames.values()}
    for annotation in data["annotations"]:
        people[frames[annotation["image_id"]]].append(annotation)
    return people


@pytest.fixture(scope="module")
def results():
    """Ground-truth people and estimated poses of every 15th frame."""
    stages, people = build_stages(Settings(device="cpu")), gt_people()
    with open_video(SAMPLE / "three_people.mp4", stride=15) as frames:
        return [(people[f.index], stages.estimate(f.image, stages.detect(f))) for f in frames]


def test_most_people_are_detected(results):
    matched = total = false_positives = 0
    for people, poses in results:
        overlap = iou_matrix(xywh_to_xyxy([p["bbox"] for p in people]), poses.boxes)
        matched += int((overlap.max(axis=1, initial=0) > 0.5).sum())
        false_positives += int((overlap.max(axis=0, initial=0) < 0.3).sum())
        total += len(people)
    assert matched >= 0.8 * total
    assert false_positives <= 0.2 * total


def test_most_joints_are_near_the_annotated_ones(results):
    is_near = []
    for people, poses in results:
        poses = convert_poses(poses, POSETRACK18_17)
        overlap = iou_matrix(xywh_to_xyxy([p["bbox"] for p in people]), poses.boxes)
        for person, row in zip(people, overlap, strict=True):
            if row.max(initial=0) > 0.5:
                keypoints = np.array(person["keypoints"]).reshape(-1, 3)
                distance = np.linalg.norm(poses.joints[row.argmax()] - keypoints[:, :2], axis=1)
                is_near += (distance < 0.1 * person["bbox"][3])[keypoints[:, 2] > 0].tolist()
    assert np.mean(is_near) >= 0.7
