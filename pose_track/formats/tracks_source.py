"""A `tracks.jsonl` as a FrameSource; see `tracks_jsonl` for its layout."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.formats.pose_conversion import tracked_to_annotations
from pose_track.formats.tracks_jsonl import DamageRecord, FaultRecord, read_tracks
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import Skeleton

logger = logging.getLogger(__name__)

LAYOUT = "tracks"


class TracksSource:
    """The frames of a `tracks.jsonl`, read from the file during iteration.

    name: the stem of the video's file name.
    extra: the file's header, with `fps`, `width`, `height` and so on. A person's `extra` has the `source` of the box.

    Frame indices are those of the video. A joint with score 0 is absent. allow_cut_end: leave out a last line without a
    line break. The first iteration that reaches the end of a file with fault records logs a warning. Raises ValueError,
    with the line number, as `read_tracks` does.
    """

    def __init__(self, path: str | Path, allow_cut_end: bool = False) -> None:
        self._path = path
        self._header, self._records = read_tracks(path, allow_cut_end)
        self._warned = False

    @property
    def name(self) -> str:
        return Path(str(self._header["source"])).stem

    @property
    def skeleton(self) -> Skeleton:
        return self._records.skeleton

    @property
    def extra(self) -> Mapping[str, Any]:
        return self._header

    @property
    def fps(self) -> float:
        """Frames per second of the video."""
        return float(self._header["fps"])

    @property
    def fault(self) -> FaultRecord | None:
        """Why the run ended early; known once an iteration has reached the end."""
        return self._records.fault

    @property
    def damage(self) -> list[DamageRecord]:
        """What was damaged in the video; complete once an iteration has reached the end."""
        return self._records.damage

    def __iter__(self) -> Iterator[tuple[FrameInfo, PoseAnnotations]]:
        for tracked in self._records:
            info = FrameInfo(tracked.frame_index, tracked.image_name, pts_seconds=tracked.pts_seconds)
            yield info, _with_sources(tracked)
        if self._warned:
            return
        self._warned = True
        if self.damage:
            first = self.damage[0]
            logger.warning(
                "%s: the video was damaged, first at frame %d: %s (faults: %d)",
                *(self._path, first.frame, first.message, len(self.damage)),
            )

    def read_all(self) -> PoseSequence:
        """All frames, in memory."""
        frames = list(self)
        people = PoseAnnotations.concatenate([PoseAnnotations.empty(self.skeleton), *(people for _, people in frames)])
        frame_indices = np.repeat(np.arange(len(frames)), [len(people) for _, people in frames])
        infos = tuple(info for info, _ in frames)
        return PoseSequence(self.name, self.skeleton, infos, people, frame_indices, LAYOUT, self.extra)


def _with_sources(tracked: TrackedPoses) -> PoseAnnotations:
    assert tracked.poses.sources is not None
    extra = np.fromiter([{"source": source} for source in tracked.poses.sources.tolist()], object, len(tracked))
    return replace(tracked_to_annotations(tracked), extra=extra)
