"""All people of a result as parallel arrays, which edits change in place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from pose_track.structures.arrays import BoolArray, Float64Array, IntArray
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.skeleton import Skeleton


@dataclass(eq=False)
class TrackTable:
    """F frames with N people, in the order of the frames.

    frames: (F,) frame indices, ascending.
    seconds: (F,) their presentation times.
    image_names: F file names; "" in a video.
    starts: (F + 1,) the first row of each frame, and N.
    row_frames: (N,) the frame index of each person.
    ids: (N,) track ids; 0 for a person who was removed.
    poses, confirmed: of the N people.
    names: of people, by id.
    largest_id: that any person has or had.
    """

    frames: IntArray
    seconds: Float64Array
    image_names: tuple[str, ...]
    starts: IntArray
    row_frames: IntArray
    ids: IntArray
    poses: Poses
    confirmed: BoolArray
    names: dict[int, str] = field(default_factory=dict)
    largest_id: int = 0

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def from_frames(cls, tracked: Iterable[TrackedPoses], skeleton: Skeleton, names: Mapping[int, str]) -> TrackTable:
        """The frames of a result, which has the joints of `skeleton`."""
        all_frames = list(tracked)
        counts = [len(people) for people in all_frames]
        ids = np.concatenate([np.zeros(0, np.int64), *(people.track_ids for people in all_frames)])
        frames = np.array([people.frame_index for people in all_frames], np.int64)
        confirmed = [people.confirmed for people in all_frames if people.confirmed is not None]
        return cls(
            frames=frames,
            seconds=np.array([people.pts_seconds for people in all_frames], np.float64),
            image_names=tuple(people.image_name for people in all_frames),
            starts=np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64),
            row_frames=np.repeat(frames, counts),
            ids=ids,
            poses=_concatenated([people.poses for people in all_frames], skeleton),
            confirmed=np.concatenate([np.zeros(0, np.bool_), *confirmed]),
            names=dict(names),
            largest_id=int(ids.max(initial=0)),
        )

    def copy(self) -> TrackTable:
        """A table whose edits leave this one as it is."""
        poses = replace(self.poses, joints=self.poses.joints.copy(), joint_scores=self.poses.joint_scores.copy())
        return replace(self, ids=self.ids.copy(), poses=poses, names=dict(self.names))

    def rows(self, track_id: int, first: int | None = None, last: int | None = None) -> IntArray:
        """The rows of a person in the frames from `first` to `last`, both included; None for those of the result."""
        start = 0 if first is None else int(np.searchsorted(self.row_frames, first, "left"))
        end = len(self.ids) if last is None else int(np.searchsorted(self.row_frames, last, "right"))
        return np.flatnonzero(self.ids[start:end] == track_id) + start

    def tracked(self, position: int) -> TrackedPoses:
        """The people of the frame at a position from 0 to F - 1, as they are now."""
        start, end = self.starts[position], self.starts[position + 1]
        rows = start + np.flatnonzero(self.ids[start:end])
        return TrackedPoses(
            int(self.frames[position]),
            float(self.seconds[position]),
            self.poses[rows],
            self.ids[rows],
            self.image_names[position],
            self.confirmed[rows],
        )

    def __iter__(self) -> Iterator[TrackedPoses]:
        return map(self.tracked, range(len(self)))


def _concatenated(poses: list[Poses], skeleton: Skeleton) -> Poses:
    """All people, without their features, which results do not have."""
    nobody = Poses.empty(skeleton)
    names = "joints", "joint_scores", "boxes", "scores", "sources"
    columns = {name: np.concatenate([getattr(one, name) for one in (nobody, *poses)]) for name in names}
    return Poses(skeleton=skeleton, **columns)
