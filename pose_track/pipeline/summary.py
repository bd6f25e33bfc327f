"""The result of tracking one video in figures."""

from __future__ import annotations

from dataclasses import dataclass, field

from pose_track.pipeline.no_people import NOTHING_SEEN, Evidence
from pose_track.structures.frames import TrackedPoses


@dataclass
class Summary:
    """The result of tracking one video in figures.

    frames: all that have a record.
    num_resumed: of these, the frames that an interrupted run had recorded before.
    people: number of people, summed over the frames.
    seconds: wall-clock time of this run.
    evidence: what there was of people, tracked or not.
    """

    frames: int = 0
    num_resumed: int = 0
    people: int = 0
    track_ids: set[int] = field(default_factory=set)
    seconds: float = 0.0
    evidence: Evidence = NOTHING_SEEN

    @property
    def frames_per_second(self) -> float:
        return (self.frames - self.num_resumed) / self.seconds if self.seconds else 0.0

    def add(self, tracked: TrackedPoses) -> None:
        self.frames += 1
        self.people += len(tracked)
        self.track_ids.update(tracked.track_ids.tolist())

    def forget_people(self) -> None:
        """Count frames and people anew."""
        self.frames, self.people, self.track_ids = 0, 0, set()
