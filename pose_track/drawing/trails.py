"""The way of each person over the last seconds."""

from __future__ import annotations

from collections import deque

import numpy as np

from pose_track.drawing.pen import Pen
from pose_track.structures.arrays import Float32Array
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.skeleton import Colour

_SHADES = 8  # of a trail, the older the fainter

_Point = tuple[float, Float32Array]  # seconds, x y in pixels


class Trails:
    """The centres of people's boxes over the last `seconds`, by track id."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._points: dict[int, deque[_Point]] = {}
        self._now = -np.inf

    def add(self, people: TrackedPoses) -> None:
        """Add a frame. Where its time is not after that of the last one, all trails begin anew."""
        now = people.pts_seconds
        if now <= self._now:
            self._points.clear()
        self._now = now
        for track_id, box in zip(people.track_ids.tolist(), people.poses.boxes, strict=True):
            if np.isfinite(box).all():
                self._points.setdefault(track_id, deque()).append((now, (box[:2] + box[2:]) / 2))
        for points in self._points.values():
            while points and points[0][0] < now - self._seconds:
                points.popleft()
        self._points = {track_id: points for track_id, points in self._points.items() if points}

    def draw(self, pen: Pen, track_id: int, colour: Colour) -> None:
        """Draw the trail of a person; older parts are fainter."""
        points = list(self._points.get(track_id, ()))
        ages = [int(_SHADES * (self._now - seconds) / self._seconds) for seconds, _ in points]
        for age in sorted(set(ages), reverse=True):
            first, last = ages.index(age), len(ages) - ages[::-1].index(age)
            part = [point for _, point in points[first : last + 1]]  # to the next part
            if len(part) > 1:
                pen.path(np.stack(part), colour, pen.line_width, 1 - age / (_SHADES + 1))
