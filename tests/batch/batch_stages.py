"""Stages for `--stages` that misbehave on videos of certain widths, and note in a file which videos they begin."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from stub_stages import one_person, stub_stages

from pose_track.config.settings import Settings
from pose_track.pipeline.stages import Stages
from pose_track.structures.frames import Detections, Frame

DEADLY, ENDLESS, GREEDY = 160, 176, 208
"""Widths of videos that kill the process, never end, and take more and more memory."""

NOTES = "BATCH_TEST_NOTES"
"""The variable with the file of the notes: a line with the process for each video that is begun."""


def misbehaving_stages(settings: Settings) -> Stages:
    return stub_stages(settings, _detect)


def slow_stages(settings: Settings) -> Stages:
    return stub_stages(settings, _detect_slowly)


def _detect_slowly(frame: Frame) -> Detections:
    time.sleep(0.05)
    return _detect(frame)


def _detect(frame: Frame) -> Detections:
    notes = os.environ.get(NOTES)
    if notes and frame.index == 0:
        with Path(notes).open("a") as file:
            file.write(f"{os.getpid()}\n")
    width = frame.image.shape[1]
    if width == DEADLY and frame.index == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if width == ENDLESS and frame.index == 3:
        time.sleep(60)
    if width == GREEDY:
        _HELD.append(bytearray(os.urandom(1)) * 2**27)
        time.sleep(0.3)
    return one_person(frame)


_HELD: list[bytearray] = []
