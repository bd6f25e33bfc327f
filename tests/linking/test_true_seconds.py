"""Slow motion: people at 240 frames a second, linked as stored at 240 and at 30."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from tracking.synthetic_people import people_at

from pose_track.config.tracker import CueWeights, FlowSettings, TrackerSettings
from pose_track.linking.poses import link_poses
from pose_track.structures.frames import Poses
from pose_track.tracking.linker import FrameTime

NO_FLOW = FlowSettings(method="none")


def people() -> list[Poses]:
    """240 frames of two people who cross; one is not seen for 0.4 seconds, another leaves and somebody else comes."""
    frames = []
    for n in range(240):
        xs = [x for x, seen in ((2 * n, n < 60 or n >= 156), (480 - 2 * n, n < 200), (900, n >= 220)) if seen]
        scores = np.full(len(xs), 0.3 if n < 20 else 0.9)
        frames.append(people_at(*xs, score=scores.tolist()))
    return frames


def ids(stored_fps: int, speed_factor: float | None) -> list[list[int]]:
    settings = TrackerSettings(
        weights=CueWeights(oks=1, motion=1), reactivation_seconds=0, buffer_seconds=0.5, lookback_seconds=0.2,
        min_start_score=0.5, min_high_score=0.5, flow=NO_FLOW, speed_factor=speed_factor,
    )  # fmt: skip
    times = [FrameTime(n, n / stored_fps) for n in range(240)]
    linked = link_poses(zip(times, people(), strict=True), settings, Fraction(stored_fps))
    return [frame.tolist() for frame in linked]


def test_slow_motion_is_linked_as_in_life() -> None:
    in_life = ids(240, None)
    assert in_life == ids(30, 0.125)
    assert in_life != ids(30, None)  # the person who is hidden for 3.2 stored seconds gets another id
    assert in_life[0] == [1, 2]  # looking back covers the 20 frames before
    assert in_life[239] == [1, 3]
