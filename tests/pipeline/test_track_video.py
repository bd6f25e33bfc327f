"""The main job with stages that work by rule."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
from stub_stages import estimate_on_diagonal, one_person
from threads_ahead import num_ahead

from pose_track.geometry.boxes import joints_to_boxes
from pose_track.pipeline.track_video import WINDOW, in_windows, missing_boxes, track_video
from pose_track.structures.frames import Detections, Frame, ImageArray, IntArray, Poses, joined
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.tracking.confirmation import confirmed
from pose_track.video.source import DecodeError

T = TypeVar("T")

FRAMES_IN_FLIGHT = 6 * WINDOW  # a window is gathered, one waits, one is looked at and the next one's place filled, ...


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


def found_in(detected: Detections) -> Poses:
    return estimate_on_diagonal(np.zeros((120, 160, 3), np.uint8), detected)


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


def test_only_so_many_frames_are_read_ahead() -> None:
    num_read = [0]

    def frames() -> Iterator[Frame]:
        for frame in make_frames(200):
            num_read[0] += 1
            yield frame

    ahead = []
    for frame, _ in track_video(frames(), one_person, estimate_on_diagonal, CountingTracker()):
        time.sleep(0.002)  # so that the threads get as far as they may
        ahead.append(num_read[0] - frame.index)
    assert 1 < max(ahead) <= FRAMES_IN_FLIGHT


@pytest.mark.parametrize("min_frames", [1, 3])
def test_frames_are_let_go(min_frames: int) -> None:
    made: list[weakref.ref[Frame]] = []
    alive = []
    tracker = CountingTracker(min_frames=min_frames)
    for frame, _ in track_video(make_frames(120, made), one_person, estimate_on_diagonal, tracker):
        alive.append(sum(ref() is not None for ref in tuple(made)))
        del frame
    assert max(alive) <= FRAMES_IN_FLIGHT + min_frames
    assert not any(ref() is not None for ref in made)


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
def test_only_proposed_boxes_of_people_who_were_missed_are_looked_at(
    detected: Detections, proposed: Detections, expected: list[str]
) -> None:
    missing = missing_boxes(proposed, found_in(detected))
    assert missing.sources is not None
    assert detected.sources is not None
    assert [*detected.sources.tolist(), *missing.sources.tolist()] == expected


def test_of_two_proposed_boxes_the_better_stays() -> None:
    proposed = joined(boxes((0, 0, 10, 10), score=0.4, source="flow"), boxes((1, 0, 11, 10), score=0.6, source="flow"))
    assert missing_boxes(proposed, found_in(boxes())).scores.tolist() == [np.float32(0.6)]


def test_who_was_found_in_a_wide_box_is_not_looked_at_again_in_a_close_one() -> None:
    found = found_in(boxes((0, 0, 100, 100)))
    close = joints_to_boxes(found.joints / 2, found.joint_scores, 0.2)
    again = missing_boxes(boxes(*close.tolist(), source="flow"), found)
    assert len(again) == 1
    same = missing_boxes(boxes(*close.tolist(), source="flow"), replace(found, joints=found.joints / 2))
    assert len(same) == 0


def test_what_the_tracker_proposes_is_estimated_too() -> None:
    tracker = CountingTracker(boxes((100, 20, 140, 100), source="flow"))
    _, tracked = list(track_video(make_frames(2), one_person, estimate_on_diagonal, tracker))[1]
    assert tracked.poses.sources is not None
    assert sorted(tracked.poses.sources.tolist()) == ["detector", "flow"]
    assert tracked.poses.skeleton == POSETRACK_15


class Windows:
    """An estimator of several frames at once, which notes how many people, and keeps only the best two."""

    def __init__(self) -> None:
        self.estimated: list[list[int]] = []
        self.num_suppressed = 0

    def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]:
        self.estimated.append([len(found) for found in detections])
        return [estimate_on_diagonal(image, found) for image, found in zip(images, detections, strict=True)]

    def suppress_duplicates(self, poses: Poses) -> Poses:
        self.num_suppressed += 1
        return poses[np.argsort(-poses.scores)[:2]]


class WindowsOfOnePerson:
    def __init__(self) -> None:
        self.looked_at: list[list[int]] = []

    def run_batch(self, frames: Sequence[Frame]) -> list[Detections]:
        self.looked_at.append([frame.index for frame in frames])
        return [one_person(frame) for frame in frames]


def test_frames_are_looked_at_in_windows_and_linked_one_by_one() -> None:
    detect, estimate = WindowsOfOnePerson(), Windows()
    results = list(track_video(make_frames(5), detect, estimate, CountingTracker(), window=2))
    assert detect.looked_at == [[0, 1], [2, 3], [4]]
    assert estimate.estimated == [[0, 1], [1, 1], [1]]
    assert estimate.num_suppressed == 5
    expected = track_video(make_frames(5), one_person, estimate_on_diagonal, CountingTracker(), window=1)
    for (frame, tracked), (same, alike) in zip(results, expected, strict=True):
        assert frame.index == same.index
        np.testing.assert_array_equal(tracked.poses.joints, alike.poses.joints)


def test_who_is_proposed_is_estimated_besides_and_doubles_of_both_are_dropped() -> None:
    estimate = Windows()
    tracker = CountingTracker(boxes((100, 20, 140, 100), (60, 20, 95, 100), score=0.95, source="flow"))
    *_, (_, tracked) = track_video(make_frames(3), one_person, estimate, tracker, window=8)
    assert estimate.estimated == [[0, 1, 1], [2], [2], [2]]
    assert tracked.poses.sources is not None
    assert tracked.poses.sources.tolist() == ["flow", "flow"]  # of three, the two best


@pytest.mark.parametrize("window", [1, 2, 4, 5])
@pytest.mark.parametrize("every", [1, 2, 3, 7])
def test_people_are_looked_for_in_every_so_manieth_frame(every: int, window: int) -> None:
    detect = WindowsOfOnePerson()
    frames = (Frame(3 * i + 5, i / 10, np.zeros((120, 160, 3), np.uint8)) for i in range(11))
    results = list(track_video(frames, detect, Windows(), CountingTracker(), every, window))
    asked = [index for looked in detect.looked_at for index in looked]
    assert asked == [3 * i + 5 for i in range(0, 11, every)]
    assert [len(tracked) for _, tracked in results] == [int(i % every == 0) for i in range(11)]


@pytest.mark.parametrize("stage", ["detect", "estimate", "track"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_of_any_stage_comes_out_and_stops_all(stage: str, error: type[BaseException]) -> None:
    def failing(name: str, index: int) -> None:
        if name == stage and index >= 40:
            raise error(f"{stage} failed")

    def detect(frame: Frame) -> Detections:
        failing("detect", frame.index)
        return one_person(frame)

    num_estimated = [0]

    def estimate(image: ImageArray, found: Detections) -> Poses:
        failing("estimate", num_estimated[0])
        num_estimated[0] += 1
        return estimate_on_diagonal(image, found)

    class Failing(CountingTracker):
        def assign(self, poses: Poses, frame: Frame) -> IntArray:
            failing("track", frame.index)
            return super().assign(poses, frame)

    found: list[int] = []
    with pytest.raises(error, match=f"{stage} failed"):
        found.extend(frame.index for frame, _ in track_video(make_frames(999), detect, estimate, Failing(min_frames=3)))
    assert found == list(range(40))  # 40 is the first of a window
    assert num_ahead() == 0


def test_the_check_comes_before_a_frame_is_linked() -> None:
    def check() -> None:
        num_checks[0] += 1
        if num_checks[0] == 7:
            raise KeyboardInterrupt

    num_checks, found = [0], list[int]()
    tracker = CountingTracker(min_frames=4)
    results = track_video(make_frames(99), one_person, estimate_on_diagonal, tracker, check=check)
    with pytest.raises(KeyboardInterrupt):
        found.extend(frame.index for frame, _ in results)
    assert found == list(range(6))


def test_closing_it_early_stops_all() -> None:
    closed = []

    def frames() -> Iterator[Frame]:
        try:
            yield from make_frames(999)
        finally:
            closed.append(threading.current_thread().name)

    results = track_video(frames(), one_person, estimate_on_diagonal, CountingTracker())
    next(results)
    assert num_ahead() > 0
    results.close()  # type: ignore[attr-defined]
    assert num_ahead() == 0
    assert len(closed) == 1


def test_windows_come_out_before_the_error() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise ValueError("no more")

    found = []
    with pytest.raises(ValueError, match="no more"):
        found.extend(in_windows(items(), 3))
    assert found == [[0, 1, 2], [3, 4]]
    assert list(in_windows([], 3)) == []
