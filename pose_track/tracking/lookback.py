"""Looking back: the poses of a new person before the first that could start a track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pose_track.structures.arrays import BoolArray, IntArray
from pose_track.structures.frames import FrameLike, Poses
from pose_track.tracking.similarity import Similarity
from pose_track.tracking.tracks import Tracks

WaitingFrame = tuple[tuple[FrameLike, Poses], IntArray]
"""A frame with its poses, and their (N,) track ids; 0 for none."""


@dataclass(frozen=True)
class Lookback:
    """Follows a track back in time from its first pose, over detected poses without a track.

    The tracker's cues and filter are used with the time reversed, without optical flow and without appearance, which
    is not kept for frames that wait.

    similarity: of the track and the poses of the frame before.
    min_similarity: the person ends, or rather begins, where no pose is so similar.
    speed_factor: speed of the video over that of life.
    """

    similarity: Similarity
    min_similarity: float
    speed_factor: float = 1.0

    def __call__(self, frames: Sequence[WaitingFrame], track_id: int) -> None:
        """Write `-track_id` into the ids of the poses that are found.

        frames: successive frames of one shot, one of them with the track.
        """
        first = next(n for n, (_, ids) in enumerate(frames) if track_id in ids)
        (frame, poses), ids = frames[first]
        track = Tracks.start(_plain(poses, ids == track_id), np.array([track_id]), self._reversed(frame), 1)
        for (frame, poses), ids in reversed(frames[:first]):
            free = np.flatnonzero(((ids == 0) | (ids == -track_id)) & (poses.sources != "flow"))
            candidates, seconds = _plain(poses, free), self._reversed(frame)
            similarity = self.similarity(track, candidates, seconds)[0]
            if not len(free) or similarity.max() < self.min_similarity:
                return
            best = similarity.argmax(keepdims=True)
            ids[free[best]] = -track_id
            track = track.update(candidates[best], seconds)

    def _reversed(self, frame: FrameLike) -> float:
        """True seconds with the time reversed."""
        return -frame.pts_seconds * self.speed_factor


def _plain(poses: Poses, keep: BoolArray | IntArray) -> Poses:
    return replace(poses, features=None)[keep]
