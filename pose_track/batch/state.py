"""How a batch stands: counts, the videos in its workers' hands, rates and the time that is left."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from pose_track.batch.results import Figures
from pose_track.batch.task import Progress


@dataclass
class WorkerState:
    """A video in a worker's hands. began: seconds since the epoch."""

    video: str
    began: float
    progress: Progress = field(default_factory=Progress)

    def fps(self, now: float) -> float:
        return self.progress.frames / max(now - self.began, 1e-3)


@dataclass
class BatchState:
    """How a batch stands. Counts are of videos, unless they say what else.

    done: tracked in this run; damaged: of these, those with faults. skipped: done before. changed: done before with
    other settings, weights or content, and left as they are. waiting: in the hands of another batch.
    frames, people: of the videos that this run has tracked; people are summed over the frames.
    weight, settled_weight: of all videos and of those that are settled; new_weight: of those that this run has tracked.
    The weight of a video is its size.
    began, updated: seconds since the epoch.
    """

    total: int
    weight: float
    began: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    done: int = 0
    damaged: int = 0
    skipped: int = 0
    changed: int = 0
    failed: int = 0
    waiting: int = 0
    frames: int = 0
    people: int = 0
    settled_weight: float = 0.0
    new_weight: float = 0.0
    workers: dict[str, WorkerState] = field(default_factory=dict)

    @property
    def settled(self) -> int:
        return self.done + self.skipped + self.changed + self.failed

    @property
    def seconds(self) -> float:
        return self.updated - self.began

    @property
    def fps(self) -> float:
        """Frames a second of all workers together, those of videos in their hands included."""
        in_hand = sum(worker.progress.frames for worker in self.workers.values())
        return (self.frames + in_hand) / max(self.seconds, 1e-3)

    @property
    def seconds_left(self) -> float | None:
        """At the rate so far; None where there is none yet."""
        if not self.new_weight:
            return None
        return (self.weight - self.settled_weight) * self.seconds / self.new_weight

    def settle(self, weight: float, figures: Figures | None = None) -> None:
        """Count a video of this weight as settled, with figures where this run has tracked it."""
        self.settled_weight += weight
        if figures is not None:
            self.done += 1
            self.damaged += figures.faults > 0
            self.frames += figures.frames
            self.people += figures.people
            self.new_weight += weight
