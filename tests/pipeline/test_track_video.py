"""`track_video` with stub stages."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
from prefetch_threads import num_prefetch_threads
from stub_stages import estimate_on_diagonal, one_person

from pose_track.geometry.boxes import joints_to_boxes
from pose_track.pipeline.steps import unmatched_boxes
from pose_track.pipeline.track_video import FRAMES_PER_BATCH, batched, track_video
from pose_track.structures.arrays import ImageArray, IntArray
from pose_track.structures.frames import Detections, Frame, Poses, concatenate
from pose_track.structures.skeleton import POSETRACK_15, Skeleton
from pose_track.tracking.confirmation import ConfirmationWindow, confirm_tracks
from pose_track.video.source import DecodeError

T = TypeVar("T")

FRAMES_IN_FLIGHT = 6 * FRAMES_PER_BATCH  # batches being decoded, queued, estimated and linked


class CountingTracker:
    """A tracker whose ids count the people of a frame from 1.

    proposed: the boxes that it proposes in each frame.
    min_frames: a track is confirmed after so many successive frames.
    min_score: people with at most this score get no id.
    """

    def __init__(self, proposed: Detections | None = None, min_frames: int = 1, min_score: float = 0.0) -> None:
        self.min_frames, self.min_score = min_frames, min_score
        self.proposed = Detections.empty() if proposed is None else proposed
        self.num_resets = 0

    def reset(self) -> None:
        self.num_resets += 1

    def propose(self, frame: Frame) -> Detections:
        return self.proposed

    def carry(self, detected: Detections, skeleton: Skeleton) -> tuple[Poses, Detections]:
        return Poses.empty(skeleton), detected

    def assign(self, poses: Poses, frame: Frame) -> IntArray:
        self.poses = poses
        return np.arange(1, len(poses) + 1) * (poses.scores > self.min_score)

    def confirm(self, linked: Iterable[tuple[T, IntArray]]) -> Iterator[tuple[T, IntArray]]:
        return confirm_tracks(linked, ConfirmationWindow(self.min_frames, lambda: range(1, 10)))


class CarryingTracker(CountingTracker):
    """Carries a person into the first box of a frame; the joints of that person are 0."""

    def carry(self, detected: Detections, skeleton: Skeleton) -> tuple[Poses, Detections]:
        k, first = skeleton.num_joints, detected[np.array([0])]
        joints = np.zeros((1, k, 2), np.float32), np.ones((1, k), np.float32)
        return Poses(*joints, first.boxes, first.scores, skeleton), detected[np.arange(1, len(detected))]


def make_frames(num: int, refs: list[weakref.ref[Frame]] | None = None) -> Iterator[Frame]:
    for index in range(num):
        frame = Frame(index, index / 10, np.zeros((120, 160, 3), np.uint8))
        if refs is not None:
            refs.append(weakref.ref(frame))
        yield frame
        del frame


def boxes(*rows: tuple[float, float, float, float], score: float = 0.5, source: str = "detector") -> Detections:
    return Detections(np.array(rows, float).reshape(-1, 4), np.full(len(rows), score), np.full(len(rows), source))  # type: ignore[arg-type]


def poses_in(detected: Detections) -> Poses:
    return estimate_on_diagonal(np.zeros((120, 160, 3), np.uint8), detected)


def test_no_frames_give_no_records() -> None:
    assert list(track_video([], one_person, estimate_on_diagonal, CountingTracker())) == []


def test_each_frame_has_a_record_in_order() -> None:
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


def test_number_of_prefetched_frames_is_bounded() -> None:
    num_read = [0]

    def frames() -> Iterator[Frame]:
        for frame in make_frames(200):
            num_read[0] += 1
            yield frame

    ahead = []
    for frame, _ in track_video(frames(), one_person, estimate_on_diagonal, CountingTracker()):
        time.sleep(0.002)  # lets the threads run as far ahead as they can
        ahead.append(num_read[0] - frame.index)
    assert 1 < max(ahead) <= FRAMES_IN_FLIGHT


@pytest.mark.parametrize("min_frames", [1, 3])
def test_frames_are_released(min_frames: int) -> None:
    refs: list[weakref.ref[Frame]] = []
    alive = []
    tracker = CountingTracker(min_frames=min_frames)
    for frame, _ in track_video(make_frames(120, refs), one_person, estimate_on_diagonal, tracker):
        alive.append(sum(ref() is not None for ref in tuple(refs)))
        del frame
    assert max(alive) <= FRAMES_IN_FLIGHT + min_frames
    assert not any(ref() is not None for ref in refs)


@pytest.mark.parametrize("min_frames", [1, 2, 4, 99])
def test_each_decoded_frame_has_its_record_before_the_error(min_frames: int) -> None:
    def damaged() -> Iterator[Frame]:
        yield from make_frames(7)
        raise DecodeError("clip.mp4", 7, "no more")

    results = track_video(damaged(), one_person, estimate_on_diagonal, CountingTracker(min_frames=min_frames))
    results_before: list[tuple[int, int, int]] = []
    with pytest.raises(DecodeError, match=r"clip\.mp4: cannot decode frame 7"):
        results_before.extend((frame.index, tracked.frame_index, len(tracked)) for frame, tracked in results)
    assert results_before == [(i, i, int(i > 0)) for i in range(7)]  # confirmed, for the source has no more frames


def test_poses_without_a_track_are_left_out() -> None:
    two = boxes((10, 20, 50, 100), score=0.3), boxes((100, 20, 140, 100), score=0.9)

    def detect(frame: Frame) -> Detections:
        return concatenate(*two)

    _, tracked = next(track_video(make_frames(1), detect, estimate_on_diagonal, CountingTracker(min_score=0.5)))
    assert tracked.track_ids.tolist() == [1]  # ids are counted after low scores were left out
    np.testing.assert_array_equal(tracked.poses.joints, estimate_on_diagonal(next(make_frames(1)).image, two[1]).joints)


@pytest.mark.parametrize(
    ("detected", "proposed", "expected"),
    [
        (boxes(), boxes(), []),  # nobody
        (boxes(), boxes((0, 0, 10, 10), source="flow"), ["flow"]),  # missed by the detector
        (boxes((0, 0, 10, 10)), boxes(), ["detector"]),
        (boxes((0, 0, 10, 10)), boxes((0, 0, 10, 10), score=0.6, source="flow"), ["detector"]),  # the same person
        (boxes((0, 0, 10, 10)), boxes((5, 0, 15, 10), source="flow"), ["detector", "flow"]),  # overlap 1/3
        (boxes(), boxes((0, 0, 10, 10), (1, 0, 11, 10), source="flow"), ["flow"]),  # one person, proposed twice
        (boxes((0, 0, 10, 10), (1, 0, 11, 10)), boxes((90, 0, 99, 9), source="flow"), ["detector"] * 2 + ["flow"]),
    ],
)
def test_only_unmatched_proposals_are_kept(detected: Detections, proposed: Detections, expected: list[str]) -> None:
    missing = unmatched_boxes(proposed, poses_in(detected))
    assert missing.sources is not None
    assert detected.sources is not None
    assert [*detected.sources.tolist(), *missing.sources.tolist()] == expected


def test_better_of_two_overlapping_proposals_is_kept() -> None:
    proposed = concatenate(
        boxes((0, 0, 10, 10), score=0.4, source="flow"), boxes((1, 0, 11, 10), score=0.6, source="flow")
    )
    assert unmatched_boxes(proposed, poses_in(boxes())).scores.tolist() == [np.float32(0.6)]


def test_proposal_around_the_joints_matches_a_wide_box() -> None:
    poses = poses_in(boxes((0, 0, 100, 100)))
    close = joints_to_boxes(poses.joints / 2, poses.joint_scores, 0.2)
    far = unmatched_boxes(boxes(*close.tolist(), source="flow"), poses)
    assert len(far) == 1
    near = unmatched_boxes(boxes(*close.tolist(), source="flow"), replace(poses, joints=poses.joints / 2))
    assert len(near) == 0


def test_proposals_are_estimated() -> None:
    tracker = CountingTracker(boxes((100, 20, 140, 100), source="flow"))
    _, tracked = list(track_video(make_frames(2), one_person, estimate_on_diagonal, tracker))[1]
    assert tracked.poses.sources is not None
    assert sorted(tracked.poses.sources.tolist()) == ["detector", "flow"]
    assert tracked.poses.skeleton == POSETRACK_15


class StubBatchEstimator:
    """A batch estimator that records the numbers of people, and suppresses all but the best two."""

    def __init__(self) -> None:
        self.estimated: list[list[int]] = []
        self.num_suppressed = 0

    def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]:
        self.estimated.append([len(boxes) for boxes in detections])
        return [estimate_on_diagonal(image, boxes) for image, boxes in zip(images, detections, strict=True)]

    def suppress_duplicates(self, poses: Poses) -> Poses:
        self.num_suppressed += 1
        return poses[np.argsort(-poses.scores)[:2]]


class StubBatchDetector:
    def __init__(self) -> None:
        self.detected_frames: list[list[int]] = []

    def run_batch(self, frames: Sequence[Frame]) -> list[Detections]:
        self.detected_frames.append([frame.index for frame in frames])
        return [one_person(frame) for frame in frames]


def test_frames_are_estimated_in_batches_and_linked_one_by_one() -> None:
    detect, estimate = StubBatchDetector(), StubBatchEstimator()
    results = list(track_video(make_frames(5), detect, estimate, CountingTracker(), frames_per_batch=2))
    assert detect.detected_frames == [[0, 1], [2, 3], [4]]
    assert estimate.estimated == [[0, 1], [1, 1], [1]]
    assert estimate.num_suppressed == 5
    expected = track_video(make_frames(5), one_person, estimate_on_diagonal, CountingTracker(), frames_per_batch=1)
    for (frame, tracked), (other_frame, other) in zip(results, expected, strict=True):
        assert frame.index == other_frame.index
        np.testing.assert_array_equal(tracked.poses.joints, other.poses.joints)


def test_duplicates_of_detections_and_proposals_are_suppressed() -> None:
    estimate = StubBatchEstimator()
    tracker = CountingTracker(boxes((100, 20, 140, 100), (60, 20, 95, 100), score=0.95, source="flow"))
    *_, (_, tracked) = track_video(make_frames(3), one_person, estimate, tracker, frames_per_batch=8)
    assert estimate.estimated == [[0, 1, 1], [2], [2], [2]]
    assert tracked.poses.sources is not None
    assert tracked.poses.sources.tolist() == ["flow", "flow"]  # the best two of three


@pytest.mark.parametrize("frames_per_batch", [1, 2, 4, 5])
@pytest.mark.parametrize("every", [1, 2, 3, 7])
def test_detector_runs_on_every_nth_frame(every: int, frames_per_batch: int) -> None:
    detect = StubBatchDetector()
    frames = (Frame(3 * i + 5, i / 10, np.zeros((120, 160, 3), np.uint8)) for i in range(11))
    results = list(track_video(frames, detect, StubBatchEstimator(), CountingTracker(), every, frames_per_batch))
    detected = [index for batch in detect.detected_frames for index in batch]
    assert detected == [3 * i + 5 for i in range(0, 11, every)]
    assert [len(tracked) for _, tracked in results] == [int(i % every == 0) for i in range(11)]


@pytest.mark.parametrize("pose_every", [1, 2, 3])
@pytest.mark.parametrize("frames_per_batch", [1, 4])
def test_between_every_nth_frame_the_tracker_carries_people(pose_every: int, frames_per_batch: int) -> None:
    def detect(frame: Frame) -> Detections:
        return boxes((10, 20, 50, 100), (90, 20, 130, 100))

    results = track_video(
        make_frames(7), detect, estimate_on_diagonal, CarryingTracker(), 1, frames_per_batch, pose_every=pose_every
    )
    is_carried = [(tracked.poses.joints == 0).all(axis=(1, 2)).tolist() for _, tracked in results]
    assert is_carried == [[i % pose_every > 0, False] for i in range(7)]


@pytest.mark.parametrize("stage", ["detect", "estimate", "track"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_error_of_any_stage_is_raised_and_stops_all(stage: str, error: type[BaseException]) -> None:
    def failing(name: str, index: int) -> None:
        if name == stage and index >= 40:
            raise error(f"{stage} failed")

    def detect(frame: Frame) -> Detections:
        failing("detect", frame.index)
        return one_person(frame)

    num_estimated = [0]

    def estimate(image: ImageArray, detections: Detections) -> Poses:
        failing("estimate", num_estimated[0])
        num_estimated[0] += 1
        return estimate_on_diagonal(image, detections)

    class FailingTracker(CountingTracker):
        def assign(self, poses: Poses, frame: Frame) -> IntArray:
            failing("track", frame.index)
            return super().assign(poses, frame)

    indices: list[int] = []
    with pytest.raises(error, match=f"{stage} failed"):
        indices.extend(
            frame.index for frame, _ in track_video(make_frames(999), detect, estimate, FailingTracker(min_frames=3))
        )
    assert indices == list(range(40))  # 40 is the first of a batch
    assert num_prefetch_threads() == 0


def test_check_is_called_before_a_frame_is_linked() -> None:
    def check() -> None:
        num_checks[0] += 1
        if num_checks[0] == 7:
            raise KeyboardInterrupt

    num_checks, indices = [0], list[int]()
    tracker = CountingTracker(min_frames=4)
    results = track_video(make_frames(99), one_person, estimate_on_diagonal, tracker, check=check)
    with pytest.raises(KeyboardInterrupt):
        indices.extend(frame.index for frame, _ in results)
    assert indices == list(range(6))


def test_closing_stops_all_threads() -> None:
    closed = []

    def frames() -> Iterator[Frame]:
        try:
            yield from make_frames(999)
        finally:
            closed.append(threading.current_thread().name)

    results = track_video(frames(), one_person, estimate_on_diagonal, CountingTracker())
    next(results)
    assert num_prefetch_threads() > 0
    results.close()  # type: ignore[attr-defined]
    assert num_prefetch_threads() == 0
    assert len(closed) == 1


def test_batches_before_an_error() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise ValueError("no more")

    batches = []
    with pytest.raises(ValueError, match="no more"):
        batches.extend(batched(items(), 3))
    assert batches == [[0, 1, 2], [3, 4]]
    assert list(batched([], 3)) == []
