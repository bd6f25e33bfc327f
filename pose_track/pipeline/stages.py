"""The stages a frame passes through, as one object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from pose_track.pipeline.track_video import (
    WINDOW,
    Estimator,
    FrameDetector,
    Tracker,
    WindowDetector,
    WindowEstimator,
    track_video,
)
from pose_track.structures.frames import Frame, TrackedPoses
from pose_track.structures.skeleton import Skeleton
from pose_track.tracking.tracker import PoseTracker
from pose_track.utils.profiler import UNPROFILED, Profiler


@dataclass(frozen=True)
class Stages:
    """What a frame passes through, and which weights are in it. make_tracker: frame rate -> tracker; detect_every,
    window and profile: see `track_video`."""

    detect: FrameDetector | WindowDetector
    estimate: Estimator | WindowEstimator
    make_tracker: Callable[[Fraction], PoseTracker]
    skeleton: Skeleton
    weights: dict[str, dict[str, str]]
    detect_every: int = 1
    window: int = WINDOW
    profile: Profiler = UNPROFILED

    def track(
        self, frames: Iterable[Frame], tracker: Tracker, check: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[Frame, TrackedPoses]]:
        """`track_video` with these stages."""
        return track_video(
            frames, self.detect, self.estimate, tracker, self.detect_every, self.window, check, self.profile
        )
