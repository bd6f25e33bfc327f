"""The main job: frames in, tracked people out, in order, with the stages at work at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np

from pose_track.geometry.boxes import iou_matrix, joints_to_boxes, nms
from pose_track.structures.frames import Detections, Frame, ImageArray, IntArray, Poses, TrackedPoses, joined
from pose_track.tracking.appearance import MIN_JOINT_SCORE
from pose_track.utils.prefetch import Prefetcher
from pose_track.utils.profiler import UNPROFILED, Profiler

T = TypeVar("T")

FrameDetector = Callable[[Frame], Detections]
Estimator = Callable[[ImageArray, Detections], Poses]

WINDOW = 4  # frames


@runtime_checkable
class WindowDetector(Protocol):
    """A detector that takes several frames at once."""

    def run_batch(self, frames: Sequence[Frame]) -> list[Detections]: ...


@runtime_checkable
class WindowEstimator(Protocol):
    """An estimator that takes several frames at once, and leaves doubles to be dropped afterwards."""

    def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]: ...
    def suppress_duplicates(self, poses: Poses) -> Poses: ...


class Tracker(Protocol):
    """Links poses over time; `propose` says where it expects people before any was looked for in the frame, `assign`
    who is who, (N,) with 0 for nobody, and `confirmed` leaves out, some frames later, who does not count."""

    def reset(self) -> None: ...
    def propose(self, frame: Frame) -> Detections: ...
    def assign(self, poses: Poses, frame: Frame) -> IntArray: ...
    def confirmed(self, linked: Iterable[tuple[T, IntArray]]) -> Iterator[tuple[T, IntArray]]: ...


class _EachFrame:
    """A detector of single frames as one of several."""

    def __init__(self, detect: FrameDetector) -> None:
        self._detect = detect

    def run_batch(self, frames: Sequence[Frame]) -> list[Detections]:
        return [self._detect(frame) for frame in frames]


class _EachPicture:
    """An estimator of single pictures as one of several."""

    def __init__(self, estimate: Estimator) -> None:
        self._estimate = estimate

    def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]:
        return [self._estimate(image, found) for image, found in zip(images, detections, strict=True)]

    def suppress_duplicates(self, poses: Poses) -> Poses:
        return poses


def missing_boxes(proposed: Detections, found: Poses, max_iou: float = 0.6) -> Detections:
    """The proposed boxes that overlap no one's, nor a better one of their own, by more than max_iou.

    Everyone found has two boxes: that in which they were found, and that about their joints, which is what is proposed.
    """
    if not len(proposed):
        return proposed
    proposed = proposed[nms(proposed.boxes, proposed.scores, max_iou)]
    taken = np.concatenate([found.boxes, joints_to_boxes(found.joints, found.joint_scores, MIN_JOINT_SCORE)])
    return proposed[np.asarray((iou_matrix(proposed.boxes, taken) <= max_iou).all(axis=1))]


def in_windows(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one shorter. Where `items` raises, the items before come out first.

    >>> list(in_windows("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    window: list[T] = []
    fault = None
    try:
        for item in items:
            window.append(item)
            if len(window) == size:
                yield window
                window = []
    except Exception as error:  # raised again below
        fault = error
    if window:
        yield window
    if fault is not None:
        raise fault


def track_video(
    frames: Iterable[Frame],
    detect: FrameDetector | WindowDetector,
    estimate: Estimator | WindowEstimator,
    tracker: Tracker,
    detect_every: int = 1,
    window: int = WINDOW,
    check: Callable[[], None] = lambda: None,
    profile: Profiler = UNPROFILED,
) -> Iterator[tuple[Frame, TrackedPoses]]:
    """Yield each frame with its tracked people, in order; a frame without people has a record of none.

    detect: frame -> boxes; estimate: picture and boxes -> poses; both in pixels of the frame, or the same of several
    frames at once. The people whom the tracker proposes besides are estimated by themselves. detect_every: people are
    looked for in the first frame and every so-manieth one after. window: how many frames detector and estimator take at
    once. check: called before each frame is linked; what it raises ends the video there. profile: notes how long each
    stage takes.

    Reading and the networks run ahead of the tracker, in threads of their own. What a stage raises comes out after the
    frames before it. Memory does not grow with the number of frames. Close the generator to stop it early.
    """
    tracker.reset()
    detect = detect if isinstance(detect, WindowDetector) else _EachFrame(detect)
    estimate = estimate if isinstance(estimate, WindowEstimator) else _EachPicture(estimate)
    look = _Look(detect, estimate, detect_every, profile)
    link = _Link(estimate, tracker, check, profile)
    with Prefetcher() as overlap:
        windows = overlap.ahead(in_windows(profile.each("decode", frames), window), 1)
        seen = overlap.ahead(chain.from_iterable(look(frames) for frames in windows), window)
        for (frame, poses), ids in tracker.confirmed(link(seen)):
            shown = ids > 0
            yield frame, TrackedPoses(frame.index, frame.pts_seconds, poses[shown], ids[shown])


class _Look:
    """The networks' part of the work, a window of frames at a time."""

    def __init__(self, detect: WindowDetector, estimate: WindowEstimator, every: int, profile: Profiler) -> None:
        self._detect = profile.timed("detect", detect.run_batch)
        self._estimate = profile.timed("estimate", estimate.run_batch)
        self._every = every
        self._num_seen = 0

    def __call__(self, frames: Sequence[Frame]) -> Iterator[tuple[Frame, Poses]]:
        """Each frame with the people in it, doubles too; nobody where people are not looked for."""
        is_due = [(self._num_seen + i) % self._every == 0 for i in range(len(frames))]
        self._num_seen += len(frames)
        due = [frame for frame, now in zip(frames, is_due, strict=True) if now]
        found = iter(self._detect(due) if due else ())
        detections = [next(found) if now else Detections.empty() for now in is_due]
        return zip(frames, self._estimate([frame.image for frame in frames], detections), strict=True)


class _Link:
    """The tracker's part of the work, frame by frame."""

    def __init__(
        self, estimate: WindowEstimator, tracker: Tracker, check: Callable[[], None], profile: Profiler
    ) -> None:
        self._estimate = profile.timed("estimate proposed", estimate.run_batch)
        self._without_doubles = profile.timed("drop doubles", estimate.suppress_duplicates)
        self._propose = profile.timed("propose", tracker.propose)
        self._assign = profile.timed("assign", tracker.assign)
        self._check = check

    def __call__(self, seen: Iterable[tuple[Frame, Poses]]) -> Iterator[tuple[tuple[Frame, Poses], IntArray]]:
        for frame, found in seen:
            self._check()
            more = missing_boxes(self._propose(frame), found)
            if len(more):
                found = joined(found, *self._estimate([frame.image], [more]))
            poses = self._without_doubles(found)
            yield (frame, poses), self._assign(poses, frame)
