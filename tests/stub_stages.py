"""Stages without networks, which detect people by a fixed rule, for videos of `make_video`."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from pose_track.build.tracker import build_tracker
from pose_track.config.settings import Settings, StageSettings
from pose_track.pipeline.stages import Stages
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Detections, Frame, Poses
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.tracking.linker import PoseLinker


def one_person(frame: Frame) -> Detections:
    """A person who moves 2 px to the right each frame; nobody in frame 0."""
    if frame.index == 0:
        return Detections.empty()
    left = 10.0 + 2 * frame.index
    return Detections([[left, 20, left + 40, 100]], [0.9])  # type: ignore[arg-type]


def estimate_on_diagonal(image: ImageArray, detections: Detections) -> Poses:
    """Joints evenly spaced along the diagonal of each box, with score 0.8."""
    k = POSETRACK_15.num_joints
    shares = np.linspace(0.1, 0.9, k)[None, :, None]
    start, end = detections.boxes[:, None, :2], detections.boxes[:, None, 2:]
    joints = start + shares * (end - start)  # (N, 1, 2) -> (N, K, 2)
    scores = np.full((len(detections), k), 0.8, np.float32)
    return Poses(joints, scores, detections.boxes, detections.scores, POSETRACK_15, detections.sources)


def stub_stages(settings: StageSettings | None = None, detect: Callable[[Frame], Detections] = one_person) -> Stages:
    """Stands in for `build_stages`."""
    tracker = (settings or Settings()).tracker
    weights = {"detector": {"file": "none"}, "pose": {"file": "none", "about": "a rule"}}

    def make_tracker(fps: Fraction) -> PoseLinker:
        return build_tracker(tracker, fps, has_images=True)

    return Stages(detect, estimate_on_diagonal, make_tracker, POSETRACK_15, weights)
