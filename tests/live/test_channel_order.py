"""Faces tell RGB from BGR."""

from __future__ import annotations

import numpy as np
from stub_stages import estimate_on_diagonal

from pose_track.live.channel_order import ChannelOrder
from pose_track.structures.frames import Detections, TrackedPoses
from pose_track.structures.skeleton import POSETRACK_15

SKIN = np.array([205, 160, 130], np.uint8)
GREY = np.array([120, 120, 120], np.uint8)


def answers(colour: np.ndarray, num_frames: int = 50) -> list[bool | None]:
    """For a person in front of a colour. Their head joints are 12 pixels wide."""
    image = np.broadcast_to(colour, (200, 200, 3))
    detections = Detections(np.array([[20, 20, 140, 180]], np.float32), np.ones(1, np.float32))
    poses = estimate_on_diagonal(np.ascontiguousarray(image), detections)
    people = TrackedPoses(0, 0.0, poses, np.ones(1, np.int64))
    order = ChannelOrder()
    return [order.looks_like_bgr(image, people) for _ in range(num_frames)]


def test_the_answer_comes_once() -> None:
    assert {"nose", "head_top"} <= set(POSETRACK_15.joint_names)
    assert answers(SKIN[::-1]) == [None] * 39 + [True] + [None] * 10
    assert answers(SKIN) == [None] * 39 + [False] + [None] * 10


def test_grey_images_say_nothing() -> None:
    assert True not in answers(GREY)


def test_no_heads_no_answer() -> None:
    order = ChannelOrder()
    image = np.zeros((200, 200, 3), np.uint8)
    poses = estimate_on_diagonal(image, Detections.empty())
    people = TrackedPoses(0, 0.0, poses, np.zeros(0, np.int64))
    assert [order.looks_like_bgr(image, people) for _ in range(100)] == [None] * 100
