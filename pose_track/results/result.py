"""A result: the people of a video, frame by frame, whatever program wrote them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pose_track.formats.speed_factor import stated_speed
from pose_track.formats.tracks_jsonl import DamageRecord, FaultRecord, TrackRecords
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.sequence import NO_EXTRA
from pose_track.structures.skeleton import Skeleton

Fault = DamageRecord | FaultRecord


@dataclass(frozen=True, eq=False)
class Result:
    """The people of a video. Iterating yields TrackedPoses by ascending frame index, and may be done again.

    path: the file. fps: frames per second of the video.
    width, height: pixels of its frames; None where they are not known.
    source: the video, a file or a folder of images; None where it was not found.
    names: of people, by track id.
    header: that of a tracks.jsonl; empty for other formats.
    complete: False for a tracks.jsonl that is still written, or whose run was killed or ended with an error.
    """

    path: Path
    skeleton: Skeleton
    fps: float
    width: int | None
    height: int | None
    source: Path | None
    frames: Iterable[TrackedPoses] = field(repr=False)
    names: Mapping[int, str] = field(default_factory=dict)
    header: Mapping[str, Any] = field(default_factory=lambda: NO_EXTRA, repr=False)
    complete: bool = True

    def __iter__(self) -> Iterator[TrackedPoses]:
        return iter(self.frames)

    @property
    def speed_factor(self) -> float:
        """The speed of the video over that of life; times are those of the video as it is stored."""
        return stated_speed(self.header) or 1.0

    @cached_property
    def _survey(self) -> tuple[int, tuple[Fault, ...]]:
        """Number of frames and faults, from reading all frames once."""
        num_frames = sum(1 for _ in self.frames)
        if not isinstance(self.frames, TrackRecords):
            return num_frames, ()
        fault = self.frames.fault
        return num_frames, (*self.frames.damage, *(() if fault is None else (fault,)))

    @property
    def num_frames(self) -> int:
        """The frames with a record. The first call reads all of them."""
        return self._survey[0]

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Damage in the video, and why the run ended early. The first call reads all frames."""
        return self._survey[1]

    def video(self) -> Path:
        """The video. Raises FileNotFoundError where it was not found."""
        if self.source is None:
            named = f", {self.header['source']!r}," if "source" in self.header else ""
            raise FileNotFoundError(f"the video{named} of {str(self.path)!r} was not found; give it with --video")
        return self.source
