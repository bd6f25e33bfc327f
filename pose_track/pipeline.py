"""The main job: frames in, tracked people out, one frame at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

import numpy as np

from pose_track.geometry.boxes import iou_matrix, nms
from pose_track.types import Detections, Frame, ImageArray, IntArray, Poses, TrackedPoses, joined

FrameDetector = Callable[[Frame], Detections]
T = TypeVar("T")
Estimator = Callable[[ImageArray, Detections], Poses]


class Tracker(Protocol):
    """Links poses over time; `propose` says where it expects people before any was looked for in the frame, `assign`
    who is who, (N,) with 0 for nobody, and `confirmed` leaves out, some frames later, who does not count."""

    def reset(self) -> None: ...
    def propose(self, frame: Frame) -> Detections: ...
    def assign(self, poses: Poses, frame: Frame) -> IntArray: ...
    def confirmed(self, linked: Iterable[tuple[T, IntArray]]) -> Iterator[tuple[T, IntArray]]: ...


def merge_boxes(detected: Detections, proposed: Detections, max_iou: float = 0.6) -> Detections:
    """The detected boxes, and the proposed ones that overlap none of them, nor a better one of their own, by more than
    max_iou."""
    if not len(proposed):
        return detected
    proposed = proposed[nms(proposed.boxes, proposed.scores, max_iou)]
    missing = np.asarray((iou_matrix(proposed.boxes, detected.boxes) <= max_iou).all(axis=1))
    return joined(detected, proposed[missing])


def track_video(
    frames: Iterable[Frame], detect: FrameDetector, estimate: Estimator, tracker: Tracker
) -> Iterator[tuple[Frame, TrackedPoses]]:
    """Yield each frame with its tracked people, in order; a frame without people has a record of none.

    detect: frame -> boxes; estimate: picture and boxes -> poses; both in pixels of the frame. Memory does not grow
    with the number of frames.
    """
    tracker.reset()

    def linked() -> Iterator[tuple[tuple[Frame, Poses], IntArray]]:
        for frame in frames:
            boxes = merge_boxes(detect(frame), tracker.propose(frame))
            poses = estimate(frame.image, boxes)
            yield (frame, poses), tracker.assign(poses, frame)

    for (frame, poses), ids in tracker.confirmed(linked()):
        shown = ids > 0
        yield frame, TrackedPoses(frame.index, frame.pts_seconds, poses[shown], ids[shown])
