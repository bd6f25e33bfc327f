"""The stages of tracking, as one object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from pose_track.pipeline.track_video import (
    FRAMES_PER_BATCH,
    BatchDetector,
    BatchEstimator,
    Estimator,
    FrameDetector,
    Tracker,
    track_video,
)
from pose_track.structures.frames import Frame, TrackedPoses
from pose_track.structures.skeleton import Skeleton
from pose_track.tracking.linker import PoseLinker
from pose_track.utils.profiler import NULL_PROFILER, Profiler


@dataclass(frozen=True)
class Stages:
    """Detector, estimator and tracker, ready to run, and a description of their weights.

    detect, estimate, detect_every, frames_per_batch, profile: see `track_video`.
    make_tracker: frames per second -> a new tracker.
    weights: of each network, as written into the header of the track records.
    """

    detect: FrameDetector | BatchDetector
    estimate: Estimator | BatchEstimator
    make_tracker: Callable[[Fraction], PoseLinker]
    skeleton: Skeleton
    weights: dict[str, dict[str, str]]
    detect_every: int = 1
    frames_per_batch: int = FRAMES_PER_BATCH
    profile: Profiler = NULL_PROFILER

    @property
    def state_every(self) -> int:
        """Number of frames after which, counted from the first, a batch begins with a frame that the detector sees."""
        return lcm(self.frames_per_batch, self.detect_every)

    def track(
        self, frames: Iterable[Frame], tracker: Tracker, check: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[Frame, TrackedPoses]]:
        """`track_video` with these stages."""
        return track_video(
            frames, self.detect, self.estimate, tracker, self.detect_every, self.frames_per_batch, check, self.profile
        )
