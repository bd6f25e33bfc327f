"""Give the people of successive frames identities, online: what is said about a frame never changes later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pose_track.skeleton import Skeleton
from pose_track.track.matching import Matcher
from pose_track.track.similarity import PoseSimilarity
from pose_track.types import Array, Detections, IntArray, Poses, TrackedPoses


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


@dataclass(frozen=True, eq=False)
class _Tracks:
    """T people who may be seen again. poses: where each was last; ids: (T,), 0 = not confirmed; num_seen: (T,) in
    how many frames; last_index: (T,) index of the last of these."""

    poses: Poses
    ids: IntArray
    num_seen: IntArray
    last_index: IntArray

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, keep: Array) -> _Tracks:
        return _Tracks(self.poses[keep], self.ids[keep], self.num_seen[keep], self.last_index[keep])

    def __add__(self, other: _Tracks) -> _Tracks:
        return _Tracks(
            _join(self.poses, other.poses),
            np.concatenate([self.ids, other.ids]),
            np.concatenate([self.num_seen, other.num_seen]),
            np.concatenate([self.last_index, other.last_index]),
        )

    @classmethod
    def empty(cls, skeleton: Skeleton) -> _Tracks:
        none = np.zeros(0, np.int64)
        return cls(Poses.empty(skeleton), none, none, none)


def _join(a: Poses, b: Poses) -> Poses:
    """The people of both."""
    assert a.sources is not None
    assert b.sources is not None
    return Poses(
        np.concatenate([a.joints, b.joints]),
        np.concatenate([a.joint_scores, b.joint_scores]),
        np.concatenate([a.boxes, b.boxes]),
        np.concatenate([a.scores, b.scores]),
        a.skeleton,
        np.concatenate([a.sources, b.sources]),
    )


class PoseTracker:
    """Links each frame's poses to those seen before, by similarity.

    similarity: gives the (N, M) matrix of N tracked and M new poses; match: pairs its rows with its columns, see
    `matching`; min_similarity: a pair below it is never the same person; buffer_frames: for how many frames a person
    may go unseen and still be taken up again under the old id, counted by frame index; min_start_score: a pose that
    continues nobody is let go unless its person score is at least this; min_confirm_frames: a person is given an id,
    and is in the output, from the so-manieth successive `update` that saw them. 1 outputs everyone at once; with n
    the first n - 1 frames of everyone are missing from the output, because an online tracker cannot take them back.

    A person is compared by the last pose seen, where it was: a gap is bridged only while they stay near it.

    ids are 1, 2, 3, ... in the order in which people first come into the output, in one frame by falling person
    score; none is used again before `reset`. Raises ValueError for a negative `buffer_frames` or a
    `min_confirm_frames` below 1.
    """

    def __init__(
        self,
        similarity: PoseSimilarity,
        match: Matcher,
        min_similarity: float,
        buffer_frames: int,
        min_start_score: float,
        min_confirm_frames: int = 1,
    ) -> None:
        if buffer_frames < 0:
            raise ValueError(f"buffer_frames must be 0 or more, got {buffer_frames!r}")
        if min_confirm_frames < 1:
            raise ValueError(f"min_confirm_frames must be 1 or more, got {min_confirm_frames!r}")
        self._similarity = similarity
        self._match = match
        self._min_similarity = min_similarity
        self._buffer_frames = buffer_frames
        self._min_start_score = min_start_score
        self._min_confirm_frames = min_confirm_frames
        self.reset()

    def reset(self) -> None:
        """Forget everybody and count ids from 1 again: call it before another video."""
        self._tracks: _Tracks | None = None
        self._next_id = 1
        self._last_index = -1

    def propose(self, frame: Timed) -> Detections:
        """Boxes where tracked people should be in `frame`, besides the detector's. Without optical flow there is
        nothing to propose: always empty."""
        return Detections.empty()

    def update(self, poses: Poses, frame: Timed) -> TrackedPoses:
        """The people of the next frame with their ids, in the order of `poses`.

        Call it for every frame, also for one without people. Whoever continues a person with an id is in the output;
        the others are as `min_start_score` and `min_confirm_frames` say. Raises ValueError when the frame index does
        not rise or the skeleton changes before `reset`.
        """
        tracks = self._candidates(poses, frame)
        rows, cols = self._pair(tracks, poses)
        ids, num_seen = np.zeros(len(poses), np.int64), np.ones(len(poses), np.int64)
        ids[cols] = tracks.ids[rows]
        num_seen[cols] += tracks.num_seen[rows]
        tracked = poses.scores >= self._min_start_score
        tracked[cols] = True
        self._give_ids(ids, poses, tracked & (ids == 0) & (num_seen >= self._min_confirm_frames))

        seen = _Tracks(poses, ids, num_seen, np.full(len(poses), frame.index, np.int64))[tracked]
        missed = tracks.ids > 0  # who is missed before being confirmed is forgotten
        missed[rows] = False
        self._tracks = seen + tracks[missed]
        self._last_index = frame.index
        shown = ids > 0
        return TrackedPoses(frame.index, frame.pts_seconds, poses[shown], ids[shown])

    def _candidates(self, poses: Poses, frame: Timed) -> _Tracks:
        """The tracks that have not been unseen for too long."""
        if frame.index <= self._last_index:
            raise ValueError(f"frame index must rise: got {frame.index} after {self._last_index}; reset() starts anew")
        if self._tracks is None:
            return _Tracks.empty(poses.skeleton)
        known = self._tracks.poses.skeleton
        if poses.skeleton != known:
            raise ValueError(f"poses must have the skeleton {known.name!r}, got {poses.skeleton.name!r}")
        num_unseen = frame.index - self._tracks.last_index - 1
        return self._tracks[(num_unseen <= self._buffer_frames) | (self._tracks.ids == 0)]

    def _pair(self, tracks: _Tracks, poses: Poses) -> tuple[IntArray, IntArray]:
        """Which track (rows) goes on as which pose (columns)."""
        if not len(tracks) or not len(poses):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        return self._match(self._similarity(tracks.poses, poses), self._min_similarity)

    def _give_ids(self, ids: IntArray, poses: Poses, new: Array) -> None:
        """Write the next ids into the places of `ids` marked in `new`, the best person first."""
        people = np.flatnonzero(new)
        people = people[np.argsort(-poses.scores[people], kind="stable")]
        ids[people] = self._next_id + np.arange(len(people))
        self._next_id += len(people)
