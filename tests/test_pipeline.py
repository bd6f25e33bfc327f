"""The main job with stages that work by rule."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import numpy as np
import pytest
from stub_stages import estimate_on_diagonal, one_person

from pose_track.pipeline import merge_boxes, track_video
from pose_track.skeleton import POSETRACK_15
from pose_track.types import Detections, Frame, Poses, TrackedPoses


class CountingTracker:
    """Gives everyone the place in the frame as id, and proposes what it is told to."""

    def __init__(self, proposed: Detections | None = None) -> None:
        self.proposed = Detections.empty() if proposed is None else proposed
        self.num_resets = 0

    def reset(self) -> None:
        self.num_resets += 1

    def propose(self, frame: Frame) -> Detections:
        return self.proposed

    def update(self, poses: Poses, frame: Frame) -> TrackedPoses:
        return TrackedPoses(frame.index, frame.pts_seconds, poses, np.arange(1, len(poses) + 1))


def make_frames(num: int, made: list[weakref.ref[Frame]] | None = None) -> Iterator[Frame]:
    for index in range(num):
        frame = Frame(index, index / 10, np.zeros((120, 160, 3), np.uint8))
        if made is not None:
            made.append(weakref.ref(frame))
        yield frame
        del frame


def boxes(*rows: tuple[float, float, float, float], score: float = 0.5, source: str = "detector") -> Detections:
    return Detections(np.array(rows, float).reshape(-1, 4), np.full(len(rows), score), np.full(len(rows), source))  # type: ignore[arg-type]


def test_no_frames_give_no_records() -> None:
    assert list(track_video([], one_person, estimate_on_diagonal, CountingTracker())) == []


def test_each_frame_has_a_record_in_order_also_without_people() -> None:
    tracker = CountingTracker()
    results = list(track_video(make_frames(4), one_person, estimate_on_diagonal, tracker))
    assert [frame.index for frame, _ in results] == [0, 1, 2, 3]
    assert [(t.frame_index, t.pts_seconds, len(t)) for _, t in results] == [
        (0, 0, 0),
        (1, 0.1, 1),
        (2, 0.2, 1),
        (3, 0.3, 1),
    ]
    assert tracker.num_resets == 1


def test_detection_waits_until_the_frame_is_asked_for() -> None:
    seen: list[int] = []

    def detect(frame: Frame) -> Detections:
        seen.append(frame.index)
        return Detections.empty()

    results = track_video(make_frames(3), detect, estimate_on_diagonal, CountingTracker())
    next(results)
    assert seen == [0]


def test_frames_are_let_go() -> None:
    made: list[weakref.ref[Frame]] = []
    alive = []
    for frame, _ in track_video(make_frames(6, made), one_person, estimate_on_diagonal, CountingTracker()):
        alive.append(sum(ref() is not None for ref in made))
        del frame
    assert max(alive) <= 2
    assert made[0]() is None


@pytest.mark.parametrize(
    ("detected", "proposed", "expected"),
    [
        (boxes(), boxes(), []),  # nobody
        (boxes(), boxes((0, 0, 10, 10), source="flow"), ["flow"]),  # one the detector missed
        (boxes((0, 0, 10, 10)), boxes(), ["detector"]),
        (boxes((0, 0, 10, 10)), boxes((0, 0, 10, 10), score=0.4, source="flow"), ["detector"]),  # the same person
        (boxes((0, 0, 10, 10)), boxes((0, 0, 10, 10), score=0.6, source="flow"), ["flow"]),  # the better stays
        (boxes((0, 0, 10, 10)), boxes((5, 0, 15, 10), score=0.6, source="flow"), ["flow", "detector"]),  # overlap 1/3
    ],
)
def test_proposed_boxes_join_the_detected_ones_without_doubles(
    detected: Detections, proposed: Detections, expected: list[str]
) -> None:
    merged = merge_boxes(detected, proposed)
    assert merged.sources is not None
    assert merged.sources.tolist() == expected


def test_what_the_tracker_proposes_is_estimated_too() -> None:
    tracker = CountingTracker(boxes((100, 20, 140, 100), source="flow"))
    _, tracked = list(track_video(make_frames(2), one_person, estimate_on_diagonal, tracker))[1]
    assert tracked.poses.sources is not None
    assert sorted(tracked.poses.sources.tolist()) == ["detector", "flow"]
    assert tracked.poses.skeleton == POSETRACK_15
