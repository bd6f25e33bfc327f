"""The main job: frames in, tracked people out, one frame at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import numpy as np

from pose_track.geometry.boxes import nms
from pose_track.types import Detections, Frame, ImageArray, Poses, TrackedPoses

FrameDetector = Callable[[Frame], Detections]
Estimator = Callable[[ImageArray, Detections], Poses]


class Tracker(Protocol):
    """Links poses over time; `propose` says where it expects people before any was looked for in the frame."""

    def reset(self) -> None: ...
    def propose(self, frame: Frame) -> Detections: ...
    def update(self, poses: Poses, frame: Frame) -> TrackedPoses: ...


def merge_boxes(detected: Detections, proposed: Detections, max_iou: float = 0.6) -> Detections:
    """Both together without doubles: of two boxes that overlap more than max_iou, the better stays."""
    if not len(proposed):
        return detected
    assert detected.sources is not None
    assert proposed.sources is not None
    both = Detections(
        np.concatenate([detected.boxes, proposed.boxes]),
        np.concatenate([detected.scores, proposed.scores]),
        np.concatenate([detected.sources, proposed.sources]),
    )
    return both[nms(both.boxes, both.scores, max_iou)]


def track_video(
    frames: Iterable[Frame], detect: FrameDetector, estimate: Estimator, tracker: Tracker
) -> Iterator[tuple[Frame, TrackedPoses]]:
    """Yield each frame with its tracked people, in order; a frame without people has a record of none.

    detect: frame -> boxes; estimate: picture and boxes -> poses; both in pixels of the frame. Memory does not grow
    with the number of frames.
    """
    tracker.reset()
    for frame in frames:
        boxes = merge_boxes(detect(frame), tracker.propose(frame))
        yield frame, tracker.update(estimate(frame.image, boxes), frame)
