"""The stages of tracking, as one object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from pose_track.pipeline.steps import BatchDetector, BatchEstimator, Estimator, FrameDetector, Tracker
from pose_track.pipeline.track_video import FRAMES_PER_BATCH, track_video
from pose_track.structures.frames import Frame, TrackedPoses
from pose_track.structures.skeleton import Skeleton
from pose_track.tracking.linker import PoseLinker
from pose_track.utils.profiler import NULL_PROFILER, Profiler


@dataclass(frozen=True)
class Stages:
    """Detector, estimator and tracker, ready to run, and a description of their weights.

    detect, estimate, detect_every, frames_per_batch, profile, pose_every: see `track_video`.
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
    pose_every: int = 1

    @property
    def state_every(self) -> int:
        """Number of frames after which, counted from the first, a batch begins with a frame that both networks see."""
        return lcm(self.frames_per_batch, self.detect_every, self.pose_every)

    def track(
        self, frames: Iterable[Frame], tracker: Tracker, check: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[Frame, TrackedPoses]]:
        """`track_video` with these stages. Each call begins a video.

        Raises ValueError where a `PoseLinker` was used just before on the frame before the first: a video in parts.
        """
        last_index = tracker.last_index if isinstance(tracker, PoseLinker) else -1
        return track_video(
            _one_video(frames, last_index),
            self.detect,
            self.estimate,
            tracker,
            self.detect_every,
            self.frames_per_batch,
            check,
            self.profile,
            self.pose_every,
        )


def _one_video(frames: Iterable[Frame], last_index: int) -> Iterator[Frame]:
    """The frames. Raises ValueError where the first one follows frame `last_index`, the last of another call."""
    for number, frame in enumerate(frames):
        if number == 0 and frame.index == last_index + 1 > 0:
            raise ValueError(
                f"frame {frame.index} continues the video of the last call, but Stages.track begins anew in each call, "
                "with new track ids; give it all frames in one call, or use PoseTracker.update for one frame at a time"
            )
        yield frame
