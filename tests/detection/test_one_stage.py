from __future__ import annotations

import gc

import numpy as np
import pytest

from pose_track.detection.one_stage import OneStageNetwork
from pose_track.models.graph_poses import PoseLayout
from pose_track.structures.frames import Detections
from pose_track.structures.skeleton import COCO_17, POSETRACK_15

SIZE = (64, 64)
BOXES = np.array([[8, 8, 24, 56], [36, 8, 52, 56], [9, 8, 25, 56]], np.float32)
SCORES = np.array([0.9, 0.2, 0.8], np.float32)
JOINTS = np.concatenate([np.linspace(BOXES[:, :2], BOXES[:, 2:], 17, axis=1), np.full((3, 17, 1), 0.6)], axis=2)


def outputs(layout: PoseLayout) -> list[np.ndarray]:
    flat = JOINTS.reshape(3, -1)
    if layout == "rtmo":
        return [np.concatenate([BOXES, SCORES[:, None]], axis=1), JOINTS]
    if layout == "yolo_pose_end2end":
        return [np.concatenate([BOXES, SCORES[:, None], np.zeros((3, 1)), flat], axis=1)]
    centres, sizes = (BOXES[:, :2] + BOXES[:, 2:]) / 2, BOXES[:, 2:] - BOXES[:, :2]
    return [np.concatenate([centres, sizes, SCORES[:, None], flat], axis=1).T]


class Run:
    """A network that finds the same people in every image, and counts its images."""

    def __init__(self, layout: PoseLayout) -> None:
        self.outputs, self.num_images = outputs(layout), 0

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, ...]:
        self.num_images += len(images)
        return tuple(np.stack([output] * len(images)).astype(np.float32) for output in self.outputs)


def image() -> np.ndarray:
    return np.zeros((32, 32, 3), np.uint8)  # half the size of the input


@pytest.mark.parametrize("layout", ["rtmo", "yolo_pose", "yolo_pose_end2end"])
def test_people_of_each_layout(layout: PoseLayout) -> None:
    network = OneStageNetwork(Run(layout), layout, SIZE, COCO_17, min_score=0.5, max_iou=0.5)
    one = image()
    (detections,) = network.detect_images([one])
    poses = network.suppress_duplicates(*network.run_batch([one], [detections]))
    np.testing.assert_allclose(detections.boxes[0], BOXES[0] / 2 - 0.5)
    np.testing.assert_allclose(poses.joints, [JOINTS[0, :, :2] / 2 - 0.5], atol=1e-5)
    np.testing.assert_allclose(poses.joint_scores, np.full((1, 17), 0.6), atol=1e-6)
    np.testing.assert_allclose(poses.scores, [0.9])
    # the network of this layout suppresses no boxes itself, the others have done it
    assert len(detections) == (1 if layout == "yolo_pose" else 2)


def test_an_image_is_run_once_and_forgotten_with_it() -> None:
    run = Run("rtmo")
    network = OneStageNetwork(run, "rtmo", SIZE, COCO_17, max_batch=2)
    images = [image() for _ in range(3)]
    detections = network.detect_images(images)
    network.run_batch(images, detections)
    network.run_batch([images[0]], [detections[0]])
    assert run.num_images == 3
    assert len(network._people) == 3
    del images
    gc.collect()
    assert not network._people


def test_given_boxes_find_people_below_the_threshold() -> None:
    network = OneStageNetwork(Run("rtmo"), "rtmo", SIZE, COCO_17, min_score=0.5)
    asked = Detections(
        np.array([BOXES[1] / 2, [0, 0, 3, 3]], np.float32),
        np.array([0.4, 0.4]),
        np.array(["flow", "flow"]),  # type: ignore[arg-type]
    )
    (poses,) = network.run_batch([image()], [asked])
    assert len(poses) == 1
    np.testing.assert_allclose(poses.joints[0], JOINTS[1, :, :2] / 2 - 0.5, atol=1e-5)
    np.testing.assert_allclose(poses.boxes[0], BOXES[1] / 2)
    assert poses.sources is not None
    assert poses.sources.tolist() == ["flow"]


def test_no_boxes_need_no_network() -> None:
    run = Run("rtmo")
    network = OneStageNetwork(run, "rtmo", SIZE, COCO_17, output_skeleton=POSETRACK_15)
    (poses,) = network.run_batch([image()], [Detections.empty()])
    assert len(poses) == 0
    assert poses.skeleton == POSETRACK_15
    assert run.num_images == 0


def test_joints_of_another_skeleton_and_outside_the_image() -> None:
    run = Run("rtmo")
    run.outputs[1][..., 0] += 50  # pixels of the input, so that the joints of the right person are outside
    network = OneStageNetwork(run, "rtmo", SIZE, COCO_17, min_score=0.1, output_skeleton=POSETRACK_15)
    one = image()
    poses = network(one, *network.detect_images([one]))
    assert poses.skeleton == POSETRACK_15
    inside = poses.joints[..., 0] <= 31.5
    assert (poses.joint_scores[~inside] == 0).all()
    assert 0 < inside.sum() < inside.size
