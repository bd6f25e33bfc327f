"""Sequences as annotation tools have them: one track for each person, over the frames of a video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.arrays import Float64Array, IntArray
from pose_track.structures.sequence import FrameInfo, FrameSource, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import SKELETONS, Skeleton, joint_type, side_of

HIDDEN, VISIBLE = 1, 2
"""COCO's flags of a labelled joint."""


@dataclass(frozen=True, eq=False)
class PersonTrack:
    """One person in F frames with K joints.

    frames: (F,) frame indices, ascending.
    joints: (F, K, 2) x y in pixels; NaN for an absent joint.
    flags: (F, K) HIDDEN or VISIBLE; 0 for an absent joint, -1 where a file does not say.
    """

    track_id: int
    frames: IntArray
    joints: Float64Array
    flags: NDArray[np.int8]

    def runs(self) -> Iterator[slice]:
        """The frames without a gap, as slices of the arrays."""
        starts = [0, *(np.flatnonzero(np.diff(self.frames) > 1) + 1).tolist(), len(self.frames)]
        return (slice(start, end) for start, end in pairwise(starts) if end > start)


def person_tracks(source: FrameSource) -> tuple[int, list[PersonTrack]]:
    """The number of frames of the video, as far as the source has them, and its people by id.

    People without an id are tracks of one frame, with ids that nobody has. People without joints are left out.
    """
    rows: dict[int, list[tuple[int, Float64Array, NDArray[np.int8]]]] = {}
    without_id: list[tuple[int, Float64Array, NDArray[np.int8]]] = []
    num_frames = 0
    for info, people in source:
        num_frames = max(num_frames, info.index + 1)
        flags = np.where(people.has_joint, people.flags, 0).astype(np.int8)
        for track_id, joints, joint_flags in zip(people.track_ids.tolist(), people.joints, flags, strict=True):
            if np.isfinite(joints).any():
                row = (info.index, joints, joint_flags)
                without_id.append(row) if track_id < 0 else rows.setdefault(track_id, []).append(row)
    free = count(max(rows, default=0) + 1)
    rows.update({next(free): [row] for row in without_id})
    return num_frames, [_track(track_id, rows[track_id]) for track_id in sorted(rows)]


def _track(track_id: int, rows: Sequence[tuple[int, Float64Array, NDArray[np.int8]]]) -> PersonTrack:
    frames, joints, flags = zip(*rows, strict=True)
    return PersonTrack(track_id, np.array(frames, np.int64), np.stack(joints), np.stack(flags))


def sequence_of_tracks(
    name: str,
    skeleton: Skeleton,
    num_frames: int,
    tracks: Iterable[PersonTrack],
    layout: str = "",
    extra: Mapping[str, Any] | None = None,
) -> PoseSequence:
    """The tracks by frame; the inverse of `person_tracks`. Frames beyond `num_frames` are added."""
    tracks = list(tracks)
    frames = np.concatenate([np.zeros(0, np.int64), *(track.frames for track in tracks)])
    order = np.argsort(frames, kind="stable")
    people = PoseAnnotations.concatenate(
        [PoseAnnotations.empty(skeleton), *(_annotations(track) for track in tracks)],
    )
    infos = tuple(map(FrameInfo, range(max(num_frames, int(frames.max(initial=-1)) + 1))))
    return PoseSequence(name, skeleton, infos, people[order], frames[order], layout, extra or {})


def _annotations(track: PersonTrack) -> PoseAnnotations:
    ids = np.full(len(track.frames), track.track_id, np.int64)
    return PoseAnnotations.from_joints(track.joints, flags=track.flags, track_ids=ids)


def skeleton_of(names: Sequence[str], own_name: str) -> Skeleton:
    """The built-in skeleton with exactly these joints, else one of them with its own name.

    >>> skeleton_of(SKELETONS["lsp_14"].joint_names[::-1], "cvat").name, skeleton_of(["nose", "left_ear"], "cvat").pairs
    ('lsp_14', ())
    """
    for skeleton in SKELETONS.values():
        if set(skeleton.joint_names) == set(names):
            return skeleton
    left, right = ({joint_type(name): name for name in names if side_of(name) == side} for side in ("left", "right"))
    pairs = tuple((left[kind], right[kind]) for kind in left if kind in right)
    return Skeleton(own_name, tuple(dict.fromkeys(names)), pairs)
