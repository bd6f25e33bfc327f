"""Choosing people of a result: by id, by how much of the video they fill, or by where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from pose_track.structures.arrays import BoolArray, Float64Array
from pose_track.structures.frames import TrackedPoses

_MIN_FOOT_SCORE = 0.3


@dataclass(frozen=True, eq=False)
class Choice:
    """Which people are kept. By default all.

    ids: track ids, None for all.
    max_people: only those of highest prominence: the sum over the frames of the height of their box.
    region: (P, 2) corners of a polygon in pixels, P >= 3; somebody is kept in the frames in which their foot point is
        in it: the middle of the ankles that are seen, else of the lower edge of the box.

    Raises ValueError for a polygon of fewer than three corners, and fewer than one person.
    """

    ids: frozenset[int] | None = None
    max_people: int | None = None
    region: Float64Array | None = field(default=None)

    def __post_init__(self) -> None:
        if self.max_people is not None and self.max_people < 1:
            raise ValueError(f"the number of people must be at least 1, got {self.max_people}")
        if self.region is not None and (self.region.ndim != 2 or self.region.shape[1] != 2 or len(self.region) < 3):
            raise ValueError("a region needs at least three corners x,y")

    @property
    def is_all(self) -> bool:
        """Whether everybody is kept."""
        return self.ids is None and self.max_people is None and self.region is None

    def check_region(self, width: int | None, height: int | None) -> None:
        """Raises ValueError where the region is outside of an image of this size; None where that is not known."""
        if self.region is None or width is None or height is None:
            return
        low, high = self.region.min(axis=0), self.region.max(axis=0)
        if (high < 0).any() or (low > [width - 1, height - 1]).any():
            raise ValueError(f"the region is outside of the image, which has {width}x{height} pixels")

    def __call__(self, frames: Iterable[TrackedPoses]) -> Iterator[TrackedPoses]:
        """Every frame with the chosen people. frames: read twice where the number of people is limited, and then must
        be iterable twice. Raises ValueError for ids that are in no frame, once all were read."""
        ids = self.ids
        if self.max_people is not None:
            ids = frozenset(prominent(map(self.in_region, frames), self.max_people, ids))
        seen: set[int] = set()
        for tracked in frames:
            seen.update(tracked.track_ids.tolist())
            tracked = self.in_region(tracked)
            yield tracked if ids is None else tracked[np.isin(tracked.track_ids, sorted(ids))]
        if self.ids is not None and not self.ids <= seen:
            missing, known = sorted(self.ids - seen), ", ".join(map(str, sorted(seen))) or "none"
            raise ValueError(f"there is no person {missing[0]}; the ids are {known}")

    def in_region(self, tracked: TrackedPoses) -> TrackedPoses:
        """The people who stand in the region; all without one."""
        return tracked if self.region is None else tracked[inside(foot_points(tracked), self.region)]


EVERYBODY = Choice()


def prominent(frames: Iterable[TrackedPoses], number: int, ids: frozenset[int] | None = None) -> list[int]:
    """The ids of those who are largest for longest, best first. ids: among these only, None for all."""
    heights: dict[int, float] = {}
    for tracked in frames:
        boxes = tracked.poses.boxes
        for track_id, height in zip(tracked.track_ids.tolist(), (boxes[:, 3] - boxes[:, 1]).tolist(), strict=True):
            heights[track_id] = heights.get(track_id, 0.0) + height
    known = [track_id for track_id in heights if ids is None or track_id in ids]
    return sorted(known, key=lambda track_id: (-heights[track_id], track_id))[:number]


def foot_points(tracked: TrackedPoses) -> Float64Array:
    """(N, 2) where each person stands, in pixels."""
    poses = tracked.poses
    ankles = [k for k, name in enumerate(poses.skeleton.joint_types) if name == "ankle"]
    seen = (poses.joint_scores[:, ankles] >= _MIN_FOOT_SCORE)[..., None]
    count = seen.sum(axis=1)
    middle = np.where(seen, poses.joints[:, ankles], 0).sum(axis=1, dtype=np.float64) / np.maximum(count, 1)
    below = np.stack([(poses.boxes[:, 0] + poses.boxes[:, 2]) / 2, poses.boxes[:, 3]], axis=1)
    return np.where(count > 0, middle, below)


def inside(points: Float64Array, polygon: Float64Array) -> BoolArray:
    """(N,) which of (N, 2) points are inside a (P, 2) polygon, by the number of edges to the right of each.

    >>> square = np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]])
    >>> inside(np.array([[5.0, 5], [15, 5], [5, -1]]), square).tolist()
    [True, False, False]
    """
    (x, y), starts, ends = points.T[:, :, None], polygon, np.roll(polygon, -1, axis=0)
    crosses = (starts[:, 1] > y) != (ends[:, 1] > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        place = starts[:, 0] + (y - starts[:, 1]) / (ends[:, 1] - starts[:, 1]) * (ends[:, 0] - starts[:, 0])
    return np.asarray((crosses & (x < place)).sum(axis=1) % 2 == 1)
