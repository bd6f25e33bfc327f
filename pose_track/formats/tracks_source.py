"""A `tracks.jsonl` as a source of frames, for the writers of other formats."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.formats.tracks_jsonl import Fault, read_tracks
from pose_track.sequence import FloatArray, FrameInfo, People
from pose_track.skeleton import Skeleton
from pose_track.types import Array, TrackedPoses

logger = logging.getLogger(__name__)


class TracksSource:
    """A FrameSource over a `tracks.jsonl`, read as it goes, anew for each iteration.

    name: the stem of the video; more: the file's header, with `fps`, `width`, `height` and so on; a person's `more`
    tells the `source` of the box. A joint with score 0 is not there. Indices are those of the video's frames. With
    allow_cut_end a last line without an end is left out. That the file ends early is warned of once, when an iteration
    gets there. Raises ValueError, with the line, as `read_tracks` does.
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
    def more(self) -> Mapping[str, Any]:
        return self._header

    @property
    def fps(self) -> float:
        """Frames per second of the video."""
        return float(self._header["fps"])

    @property
    def fault(self) -> Fault | None:
        """Why the file ends early, once an iteration has come to its end."""
        return self._records.fault

    def __iter__(self) -> Iterator[tuple[FrameInfo, People]]:
        for tracked in self._records:
            yield FrameInfo(tracked.frame_index, pts_seconds=tracked.pts_seconds), _with_sources(tracked)
        if self.fault is not None and not self._warned:
            self._warned = True
            logger.warning("%s ends early, after frame %s: %s", self._path, self.fault.after_frame, self.fault.message)


def people_as_told(tracked: TrackedPoses) -> People:
    """The people of a frame, to the digits that a `tracks.jsonl` tells; a joint with score 0 is not there."""
    poses = tracked.poses
    joint_scores = _as_told(poses.joint_scores, 4)
    absent = joint_scores == 0
    return People.of(
        np.where(absent[..., None], np.nan, _as_told(poses.joints, 2)),
        np.where(absent, np.nan, joint_scores),
        scores=_as_told(poses.scores, 4),
        boxes=_as_told(poses.boxes, 2),
        track_ids=tracked.track_ids,
    )


def _with_sources(tracked: TrackedPoses) -> People:
    assert tracked.poses.sources is not None
    more = np.fromiter([{"source": source} for source in tracked.poses.sources.tolist()], object, len(tracked))
    return replace(people_as_told(tracked), more=more)


def _as_told(values: Array, decimals: int) -> FloatArray:
    """The numbers of the file again, which have so many decimals, from those in single precision."""
    return np.asarray(np.round(values.astype(np.float64), decimals) + 0.0)
