"""Stages without networks for workers: people whose places depend on the frame alone."""

from __future__ import annotations

import os

from stub_stages import stub_stages

from pose_track.config.settings import Settings
from pose_track.pipeline.stages import Stages
from pose_track.structures.frames import Detections, Frame

STAGES = "part_stages:make_stages"
DIE_ONCE = "POSE_TRACK_TEST_DIE_ONCE"  # a file that a worker removes before it dies in the middle of the video


def people(frame: Frame) -> Detections:
    """One who walks to and fro, one who is away for 1 of every 5 seconds, and from frame 65 a third one."""
    walk = abs(frame.index % 120 - 60)
    lefts = [10 + 0.5 * walk]
    if not 30 <= frame.index % 50 < 40:
        lefts.append(90 + 0.1 * walk)
    if frame.index >= 65:
        lefts.append(140)
    return Detections([[left, 20, left + 30, 100] for left in lefts], [0.9] * len(lefts))  # type: ignore[arg-type]


def make_stages(settings: Settings) -> Stages:
    def detect(frame: Frame) -> Detections:
        if frame.index == 60 and os.path.exists(os.environ.get(DIE_ONCE, "")):
            os.remove(os.environ[DIE_ONCE])
            os._exit(9)
        return people(frame)

    return stub_stages(settings, detect)
