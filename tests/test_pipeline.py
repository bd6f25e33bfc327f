"""The main job with stages that work by rule."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
import pytest
from stub_stages import estimate_on_diagonal, one_person

from pose_track.pipeline import merge_boxes, track_video
from pose_track.skeleton import POSETRACK_15
from pose_track.track.confirmation import confirmed
from pose_track.types import Detections, Frame, IntArray, Poses, joined
from pose_track.video.source import DecodeError

T = TypeVar("T")


class CountingTracker:
    """Gives everyone the place in the frame as id, but nobody with a score up to min_score, shows who was seen in
    min_frames successive frames, and proposes what it is told to."""

    def __init__(self, proposed: Detections | None = None, min_frames: int = 1, min_score: float = 0.0) -> None:
        self.min_frames, self.min_score = min_frames, min_score
        self.proposed = Detections.empty() if proposed is None else proposed
        self.num_resets = 0

    def reset(self) -> None:
        self.num_resets += 1

    def propose(self, frame: Frame) -> Detections:
        return self.proposed

    def assign(self, poses: Poses, frame: Frame) -> IntArray:
        return np.arange(1, len(poses) + 1) * (poses.scores > self.min_score)

    def confirmed(self, linked: Iterable[tuple[T, IntArray]]) -> Iterator[tuple[T, IntArray]]:
        return confirmed(linked, self.min_frames, 10)


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


@pytest.mark.parametrize("min_frames", [1, 3])
def test_frames_are_let_go(min_frames: int) -> None:
    made: list[weakref.ref[Frame]] = []
    alive = []
    tracker = CountingTracker(min_frames=min_frames)
    for frame, _ in track_video(make_frames(12, made), one_person, estimate_on_diagonal, tracker):
        alive.append(sum(ref() is not None for ref in made))
        del frame
    assert max(alive) <= 1 + min_frames
    assert made[0]() is None


@pytest.mark.parametrize("min_frames", [1, 2, 4, 99])
def test_each_decoded_frame_has_its_record_before_the_error(min_frames: int) -> None:
    def damaged() -> Iterator[Frame]:
        yield from make_frames(7)
        raise DecodeError("clip.mp4", 7, "no more")

    results = track_video(damaged(), one_person, estimate_on_diagonal, CountingTracker(min_frames=min_frames))
    found: list[tuple[int, int, int]] = []
    with pytest.raises(DecodeError, match=r"clip\.mp4: cannot decode frame 7"):
        found.extend((frame.index, tracked.frame_index, len(tracked)) for frame, tracked in results)
    assert found == [(i, i, int(i > 0 and min_frames < 7)) for i in range(7)]


def test_records_come_late_where_people_are_confirmed() -> None:
    read: list[int] = []

    def frames() -> Iterator[Frame]:
        for frame in make_frames(6):
            read.append(frame.index)
            yield frame

    results = track_video(frames(), one_person, estimate_on_diagonal, CountingTracker(min_frames=3))
    assert [(tracked.frame_index, read[-1]) for _, tracked in results] == [
        (0, 2), (1, 3), (2, 4), (3, 5), (4, 5), (5, 5)
    ]  # fmt: skip


def test_who_is_nobody_is_left_out_and_the_others_stay_as_they_are() -> None:
    two = boxes((10, 20, 50, 100), score=0.3), boxes((100, 20, 140, 100), score=0.9)

    def detect(frame: Frame) -> Detections:
        return joined(*two)

    _, tracked = next(track_video(make_frames(1), detect, estimate_on_diagonal, CountingTracker(min_score=0.5)))
    assert tracked.track_ids.tolist() == [1]  # counted anew: nobody has seen another
    np.testing.assert_array_equal(tracked.poses.joints, estimate_on_diagonal(next(make_frames(1)).image, two[1]).joints)


@pytest.mark.parametrize(
    ("detected", "proposed", "expected"),
    [
        (boxes(), boxes(), []),  # nobody
        (boxes(), boxes((0, 0, 10, 10), source="flow"), ["flow"]),  # one the detector missed
        (boxes((0, 0, 10, 10)), boxes(), ["detector"]),
        (boxes((0, 0, 10, 10)), boxes((0, 0, 10, 10), score=0.6, source="flow"), ["detector"]),  # the same person
        (boxes((0, 0, 10, 10)), boxes((5, 0, 15, 10), source="flow"), ["detector", "flow"]),  # overlap 1/3
        (boxes(), boxes((0, 0, 10, 10), (1, 0, 11, 10), source="flow"), ["flow"]),  # one person proposed twice
        (boxes((0, 0, 10, 10), (1, 0, 11, 10)), boxes((90, 0, 99, 9), source="flow"), ["detector"] * 2 + ["flow"]),
    ],
)
def test_proposed_boxes_join_the_detected_ones_without_doubles(
    detected: Detections, proposed: Detections, expected: list[str]
) -> None:
    merged = merge_boxes(detected, proposed)
    assert merged.sources is not None
    assert merged.sources.tolist() == expected


def test_of_two_proposed_boxes_the_better_stays() -> None:
    proposed = joined(boxes((0, 0, 10, 10), score=0.4, source="flow"), boxes((1, 0, 11, 10), score=0.6, source="flow"))
    assert merge_boxes(boxes(), proposed).scores.tolist() == [np.float32(0.6)]


def test_what_the_tracker_proposes_is_estimated_too() -> None:
    tracker = CountingTracker(boxes((100, 20, 140, 100), source="flow"))
    _, tracked = list(track_video(make_frames(2), one_person, estimate_on_diagonal, tracker))[1]
    assert tracked.poses.sources is not None
    assert sorted(tracked.poses.sources.tolist()) == ["detector", "flow"]
    assert tracked.poses.skeleton == POSETRACK_15
