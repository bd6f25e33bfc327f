"""The steps from a frame to its tracked people, and what detectors, estimators and trackers have to offer for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from pose_track.geometry.boxes import iou_matrix, joints_to_boxes, nms
from pose_track.structures.arrays import ImageArray, IntArray
from pose_track.structures.frames import Detections, Frame, Poses, concatenate
from pose_track.structures.skeleton import Skeleton
from pose_track.tracking.appearance import MIN_JOINT_SCORE
from pose_track.utils.profiler import Profiler

FrameDetector = Callable[[Frame], Detections]
Estimator = Callable[[ImageArray, Detections], Poses]

LinkedFrame = tuple[tuple[Frame, Poses], IntArray]
"""A frame with its poses, and their (N,) track ids."""

InferredFrame = tuple[Frame, Poses, Detections]
"""A frame with the poses of detected people, duplicates included, and the boxes in which nobody was estimated."""


@runtime_checkable
class BatchDetector(Protocol):
    """A detector that takes several frames at once."""

    def run_batch(self, frames: Sequence[Frame]) -> list[Detections]: ...


@runtime_checkable
class BatchEstimator(Protocol):
    """An estimator that takes several frames at once, and removes duplicate poses in a separate call."""

    def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]: ...
    def suppress_duplicates(self, poses: Poses) -> Poses: ...


class Tracker(Protocol):
    """Links poses over time.

    propose: boxes in which the tracker expects people, before the frame's detections are known.
    carry: the poses of people who need not be estimated in this frame, and the boxes in which others are to be; after
        `propose`.
    assign: (N,) track ids of the poses of a frame; 0 for a pose without a track.
    poses: those of that frame, as they are to be recorded: the tracker may exchange left and right.
    confirm: the same frames, some frames later, with id 0 for tracks that were too short.
    """

    def reset(self) -> None: ...
    def propose(self, frame: Frame) -> Detections: ...
    def carry(self, detected: Detections, skeleton: Skeleton) -> tuple[Poses, Detections]: ...
    def assign(self, poses: Poses, frame: Frame) -> IntArray: ...
    @property
    def poses(self) -> Poses: ...
    def confirm(self, linked: Iterable[LinkedFrame]) -> Iterator[LinkedFrame]: ...


class _FrameByFrameDetector:
    """A FrameDetector as a BatchDetector."""

    def __init__(self, detect: FrameDetector) -> None:
        self._detect = detect

    def run_batch(self, frames: Sequence[Frame]) -> list[Detections]:
        return [self._detect(frame) for frame in frames]


class _FrameByFrameEstimator:
    """An Estimator as a BatchEstimator."""

    def __init__(self, estimate: Estimator) -> None:
        self._estimate = estimate

    def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]:
        return [self._estimate(image, boxes) for image, boxes in zip(images, detections, strict=True)]

    def suppress_duplicates(self, poses: Poses) -> Poses:
        return poses


def as_batch_detector(detect: FrameDetector | BatchDetector) -> BatchDetector:
    """The detector, wrapped if it takes single frames."""
    return detect if isinstance(detect, BatchDetector) else _FrameByFrameDetector(detect)


def as_batch_estimator(estimate: Estimator | BatchEstimator) -> BatchEstimator:
    """The estimator, wrapped if it takes single images."""
    return estimate if isinstance(estimate, BatchEstimator) else _FrameByFrameEstimator(estimate)


def unmatched_boxes(proposed: Detections, poses: Poses, max_iou: float = 0.6) -> Detections:
    """The proposed boxes whose IoU with every pose, and with every better proposed box, is at most `max_iou`.

    A pose has two boxes: the one it was estimated in, and the one around its joints, which is what trackers propose.
    """
    if not len(proposed):
        return proposed
    proposed = proposed[nms(proposed.boxes, proposed.scores, max_iou)]
    pose_boxes = np.concatenate([poses.boxes, joints_to_boxes(poses.joints, poses.joint_scores, MIN_JOINT_SCORE)])
    return proposed[np.asarray((iou_matrix(proposed.boxes, pose_boxes) <= max_iou).all(axis=1))]


class Inference:
    """Detector and estimator, one batch of frames at a time.

    every, pose_every: the detector runs on every n-th frame, the estimator too.
    """

    def __init__(
        self, detect: BatchDetector, estimate: BatchEstimator, every: int, profile: Profiler, pose_every: int = 1
    ) -> None:
        self._detect = profile.timed("detect", detect.run_batch)
        self._estimate = profile.timed("estimate", estimate.run_batch)
        self._every, self._pose_every = every, pose_every
        self._num_frames = 0

    def __call__(self, frames: Sequence[Frame]) -> Iterator[InferredFrame]:
        """Each frame with its poses, duplicates included, and the boxes not estimated; neither where the detector does
        not run."""
        numbers = range(self._num_frames, self._num_frames + len(frames))
        self._num_frames += len(frames)
        due_frames = [frame for frame, number in zip(frames, numbers, strict=True) if number % self._every == 0]
        detected = iter(self._detect(due_frames) if due_frames else ())
        none = Detections.empty()
        detections = [next(detected) if number % self._every == 0 else none for number in numbers]
        is_estimated = [number % self._pose_every == 0 for number in numbers]
        now = [boxes if due else none for boxes, due in zip(detections, is_estimated, strict=True)]
        waiting = [none if due else boxes for boxes, due in zip(detections, is_estimated, strict=True)]
        return zip(frames, self._estimate([frame.image for frame in frames], now), waiting, strict=True)


class Linking:
    """The tracker, frame by frame."""

    def __init__(self, estimate: BatchEstimator, tracker: Tracker, profile: Profiler) -> None:
        self._estimate = profile.timed("estimate proposed", estimate.run_batch)
        self._suppress_duplicates = profile.timed("drop duplicates", estimate.suppress_duplicates)
        self._propose = profile.timed("propose", tracker.propose)
        self._carry = profile.timed("carry", tracker.carry)
        self._assign = profile.timed("assign", tracker.assign)
        self._tracker = tracker

    def propose(self, frame: Frame) -> Detections:
        """Boxes in which the tracker expects people, whatever is detected."""
        return self._propose(frame)

    def link(self, inferred: InferredFrame, proposed: Detections) -> LinkedFrame:
        """The frame with all its poses and their ids."""
        frame, poses, waiting = inferred
        if len(waiting):
            carried, waiting = self._carry(waiting, poses.skeleton)
            poses = concatenate(carried, self._estimated(frame, waiting))
        if len(proposed := unmatched_boxes(proposed, poses)):
            poses = concatenate(poses, self._estimated(frame, proposed))
        ids = self._assign(self._suppress_duplicates(poses), frame)
        return (frame, self._tracker.poses), ids

    def _estimated(self, frame: Frame, boxes: Detections) -> Poses:
        (poses,) = self._estimate([frame.image], [boxes])
        return poses
