"""Give the people of successive frames identities, online: what is said about a frame never changes later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.frames import Detections, Frame, IntArray, Poses
from pose_track.structures.skeleton import Skeleton
from pose_track.tracking.association import Association
from pose_track.tracking.confirmation import confirmed
from pose_track.tracking.propagation import Flow, Propagation, warp
from pose_track.tracking.tracks import Tracks

T = TypeVar("T")


class Timed(Protocol):
    """Whatever tells which frame it is; a `Frame` does."""

    @property
    def index(self) -> int: ...

    @property
    def pts_seconds(self) -> float: ...


@dataclass(frozen=True)
class FrameTime:
    """Which frame it is, without its picture: for linking poses that are read from a file."""

    index: int
    pts_seconds: float


NO_PROPAGATION = Propagation()


class PoseTracker:
    """Links each frame's poses to those seen before.

    associate: pairs people with poses. buffer_frames: for how many frames a person may go unseen and still be taken up
    again under the old id, counted by frame index; reentry_frames: the same, for who looks alike. min_start_score: a
    pose that continues nobody begins a new track only if its person score is at least this, and it was not found by
    propagation. min_confirm_frames: see `confirmed`. flow: the optical flow, None for none; a shot cut ends all tracks.
    propagation: how people whom the detector misses are followed by the flow. num_carried: how many of the last frames'
    poses are carried along it, for the cue "flow".

    ids are 1, 2, 3, ... in the order in which people first come, in one frame by falling person score; none is used
    again before `reset`. Raises ValueError for a negative `buffer_frames`.
    """

    def __init__(
        self,
        associate: Association,
        buffer_frames: int,
        reentry_frames: int = 0,
        min_start_score: float = 0.0,
        min_confirm_frames: int = 1,
        flow: Flow | None = None,
        propagation: Propagation = NO_PROPAGATION,
        num_carried: int = 1,
    ) -> None:
        if buffer_frames < 0:
            raise ValueError(f"buffer_frames must be 0 or more, got {buffer_frames!r}")
        self._associate = associate
        self._buffer_frames = buffer_frames
        self._memory_frames = max(buffer_frames, reentry_frames)
        self._min_start_score = min_start_score
        self._min_confirm_frames = min_confirm_frames
        self._flow = flow
        self._propagation = propagation
        self._num_carried = num_carried
        self.reset()

    def reset(self) -> None:
        """Forget everybody and count ids from 1 again: call it before another video."""
        self._tracks: Tracks | None = None
        self._skeleton: Skeleton | None = None
        self._next_id = 1
        self._last_index = -1
        if self._flow is not None:
            self._flow.reset()

    def propose(self, frame: Frame) -> Detections:
        """Boxes where people should be in the next frame, besides those that a detector finds; "flow" is their source.

        Call it for every frame, before `assign`, where there are pictures; without optical flow there is nothing to
        propose.
        """
        if self._flow is None:
            return Detections.empty()
        step = self._flow.advance(frame.image)
        if step.is_cut:
            self._tracks = None
        if self._tracks is None:
            return Detections.empty()
        self._tracks = warp(self._tracks, step)
        return self._propagation.boxes(self._tracks)

    def assign(self, poses: Poses, frame: Timed) -> IntArray:
        """(N,) the ids of the people of the next frame, 0 for a pose that is nobody's.

        Call it for every frame, also for one without people. Raises ValueError when the frame index does not rise or
        the skeleton changes before `reset`.
        """
        self._check(poses, frame)
        order = _canonical(poses)
        order = order[self._propagation.accepts(poses)[order]]
        ids = np.zeros(len(poses), np.int64)
        ids[order] = self._assign(poses[order], frame)
        return ids

    def confirmed(self, linked: Iterable[tuple[T, IntArray]]) -> Iterator[tuple[T, IntArray]]:
        """The frames with their ids, without people seen for a moment only: see `confirmation.confirmed`."""
        return confirmed(linked, self._min_confirm_frames, self._memory_frames)

    def _check(self, poses: Poses, frame: Timed) -> None:
        if frame.index <= self._last_index:
            raise ValueError(f"frame index must rise: got {frame.index} after {self._last_index}; reset() starts anew")
        if self._skeleton not in (None, poses.skeleton):
            raise ValueError(f"poses must have the skeleton {self._skeleton.name!r}, got {poses.skeleton.name!r}")
        self._skeleton, self._last_index = poses.skeleton, frame.index

    def _assign(self, poses: Poses, frame: Timed) -> IntArray:
        tracks = self._live(poses.skeleton, frame)
        is_recent = frame.index - tracks.last_index - 1 <= self._buffer_frames
        rows, cols = self._associate(tracks, poses, frame.pts_seconds, is_recent)
        ids = np.zeros(len(poses), np.int64)
        ids[cols] = tracks.ids[rows]
        new = (ids == 0) & (poses.scores >= self._min_start_score) & (poses.sources != "flow")
        self._count(ids, new)
        missed = np.ones(len(tracks), bool)
        missed[rows] = False
        self._tracks = tracks[rows].seen(poses[cols], frame.index, frame.pts_seconds)
        if missed.any():
            self._tracks += tracks[missed].missed()
        if new.any():
            self._tracks += Tracks.start(poses[new], ids[new], frame.index, frame.pts_seconds, self._num_carried)
        return ids

    def _live(self, skeleton: Skeleton, frame: Timed) -> Tracks:
        """The tracks that have not been unseen for too long."""
        if self._tracks is None:
            return Tracks.empty(skeleton, self._num_carried)
        lives = frame.index - self._tracks.last_index - 1 <= self._memory_frames
        return self._tracks if lives.all() else self._tracks[lives]

    def _count(self, ids: IntArray, new: NDArray[np.bool_]) -> None:
        """Write the next ids into the places of `ids` marked in `new`."""
        num = int(new.sum())
        ids[new] = self._next_id + np.arange(num)
        self._next_id += num


def _canonical(poses: Poses) -> IntArray:
    """An order of the poses that does not depend on the one they come in: the best person first."""
    x, y = poses.joints.sum(axis=1).T
    return np.lexsort((*poses.boxes.T, y, x, -poses.scores))
