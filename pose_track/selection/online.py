"""Choosing people while a source runs, when it is not known yet who will be largest for longest."""

from __future__ import annotations

import numpy as np

from pose_track.selection.choice import Choice
from pose_track.structures.frames import TrackedPoses

_HERE_SECONDS = 2.0  # somebody who was not seen for longer has left, and leaves their place to another


class OnlineChoice:
    """Keeps those people of each frame whom a choice without ids keeps, by the frames so far.

    Of the people who were seen in the last two seconds, those count as largest for longest whose boxes have the highest
    sum of heights up to now. Call it for every frame, in order.
    """

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._heights: dict[int, float] = {}
        self._last_seen: dict[int, float] = {}

    def __call__(self, tracked: TrackedPoses) -> TrackedPoses:
        tracked = self._choice.in_region(tracked)
        if self._choice.max_people is None:
            return tracked
        boxes, now = tracked.poses.boxes, tracked.pts_seconds
        for track_id, height in zip(tracked.track_ids.tolist(), (boxes[:, 3] - boxes[:, 1]).tolist(), strict=True):
            self._heights[track_id] = self._heights.get(track_id, 0.0) + height
            self._last_seen[track_id] = now
        here = [track_id for track_id, seen in self._last_seen.items() if now - seen <= _HERE_SECONDS]
        here.sort(key=lambda track_id: (-self._heights[track_id], track_id))
        return tracked[np.isin(tracked.track_ids, here[: self._choice.max_people])]
