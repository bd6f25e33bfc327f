"""Joining the records of parts: whoever is at the same place in the same frames of two parts is one person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from pose_track.geometry.boxes import box_areas
from pose_track.geometry.oks import oks_matrix
from pose_track.parts.plan import Split
from pose_track.structures.frames import TrackedPoses
from pose_track.tracking.appearance import MIN_JOINT_SCORE

_SIGMA_SCALE = 3.0  # as in the tracker
_MIN_OKS = 0.5


def join_records(splits: Sequence[Split], parts: Sequence[Iterable[TrackedPoses]]) -> Iterator[TrackedPoses]:
    """The records of the whole video, each frame once.

    Ids are 1, 2, 3, ... in the order of the tracks' first poses. Only the frames of one overlap are in memory.

    parts: the records of each split, in the order of the frames.
    """
    ids = _Ids()
    before: list[TrackedPoses] = []  # of the part before, from the start of this one to its seam, with their final ids
    for split, following, records in zip(splits, [*splits[1:], None], parts, strict=True):
        overlap: list[TrackedPoses] = []
        shared: list[TrackedPoses] = []
        for tracked in records:
            if tracked.frame_index < split.seam:
                overlap.append(tracked)
                continue
            if following is not None and tracked.frame_index >= following.seam:
                break
            if overlap:
                ids.begin_part(match_ids(before, overlap))
                overlap = []
            final = ids.apply(tracked)
            if following is not None and tracked.frame_index >= following.start:
                shared.append(final)
            yield final
        before = shared


class _Ids:
    """From the ids of a part to those of the result."""

    def __init__(self) -> None:
        self._next_id = 1
        self._ids: dict[int, int] = {}

    def begin_part(self, known: Mapping[int, int]) -> None:
        self._ids = dict(known)

    def apply(self, tracked: TrackedPoses) -> TrackedPoses:
        """The record with the ids of the result; those of new tracks are the next ones."""
        for track_id in sorted(set(tracked.track_ids.tolist()) - self._ids.keys()):
            self._ids[track_id] = self._next_id
            self._next_id += 1
        ids = [self._ids[track_id] for track_id in tracked.track_ids.tolist()]
        return replace(tracked, track_ids=np.array(ids, np.int64))


def match_ids(before: Sequence[TrackedPoses], after: Sequence[TrackedPoses]) -> dict[int, int]:
    """Ids of the later part -> ids of the part before, from records of the same frames.

    The last frame in which two people are at the same place decides. Both parts have tracked the same detections there,
    so a pose of one is mostly the pose of the other.
    """
    found: dict[int, int] = {}
    earlier = {tracked.frame_index: tracked for tracked in before}
    for later in reversed(after):
        if later.frame_index in earlier:
            found.update(_matches(earlier[later.frame_index], later, found))
    return found


def _matches(a: TrackedPoses, b: TrackedPoses, found: Mapping[int, int]) -> dict[int, int]:
    """Ids of b -> ids of a, of the people of a frame that were not found yet and are at the same place."""
    a = a[~np.isin(a.track_ids, list(found.values()))]
    b = b[~np.isin(b.track_ids, list(found))]
    if not len(a) or not len(b):
        return {}
    oks = oks_matrix(
        *(a.poses.joints, a.poses.joint_scores, box_areas(a.poses.boxes)),
        *(b.poses.joints, b.poses.joint_scores, box_areas(b.poses.boxes)),
        _SIGMA_SCALE * a.poses.skeleton.sigmas,
        MIN_JOINT_SCORE,
    )
    rows, cols = linear_sum_assignment(oks, maximize=True)
    is_same = oks[rows, cols] >= _MIN_OKS
    return dict(zip(b.track_ids[cols[is_same]].tolist(), a.track_ids[rows[is_same]].tolist(), strict=True))
