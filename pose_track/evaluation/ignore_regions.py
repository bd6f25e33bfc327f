"""Regions of a frame in which nobody was labelled: what lies inside counts neither for nor against anybody."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.sequence import FloatArray, FrameInfo, IntArray


def inside_polygons(points: FloatArray, polygons: Sequence[FloatArray]) -> NDArray[np.bool_]:
    """(N,) which points are strictly inside one of the polygons; a point on a polygon's boundary is not inside it.

    points: (N, 2) x y, a NaN point is nowhere; polygons: each (P, 2), closed by itself, inside by the even-odd rule;
    of fewer than three corners nothing is inside.

    >>> square = np.array([[0, 0], [4, 0], [4, 4], [0, 4]], float)
    >>> inside_polygons(np.array([[2, 2], [4, 2], [5, 2]], float), [square])
    array([ True, False, False])
    """
    polygons = [polygon for polygon in polygons if len(polygon) > 2]
    if not polygons or not len(points):
        return np.zeros(len(points), bool)
    (ax, ay), (bx, by) = np.concatenate(polygons).T, np.concatenate([np.roll(p, -1, axis=0) for p in polygons]).T
    first_edges = np.cumsum([0] + [len(polygon) for polygon in polygons[:-1]])
    x, y = points[:, :1], points[:, 1:]  # (N, 1) against (E,) edges from a to b
    side = (bx - ax) * (y - ay) - (by - ay) * (x - ax)  # (N, E), 0 on the edge's line
    crossed = ((ay > y) != (by > y)) & ((side > 0) == (by > ay))  # by a ray from the point to the right
    between = (np.minimum(ax, bx) <= x) & (x <= np.maximum(ax, bx)) & (np.minimum(ay, by) <= y)
    on_edge = (side == 0) & between & (y <= np.maximum(ay, by))
    odd = np.logical_xor.reduceat(crossed, first_edges, axis=1)  # (N, E) -> (N, polygons)
    on_boundary = np.logical_or.reduceat(on_edge, first_edges, axis=1)
    return np.asarray((odd & ~on_boundary).any(axis=1))


def without_ignored(joints: FloatArray, frame_of: IntArray, frames: Sequence[FrameInfo]) -> FloatArray:
    """joints (N, K, 2) of people with those inside their frame's ignore regions NaN; frame_of: (N,), not falling."""
    ends = np.searchsorted(frame_of, np.arange(len(frames) + 1))
    joints = joints.copy()
    for place, frame in enumerate(frames):
        if frame.ignore_regions and ends[place] < ends[place + 1]:
            here = joints[ends[place] : ends[place + 1]].reshape(-1, 2)  # a view: (n, K, 2) -> (n * K, 2)
            here[inside_polygons(here, frame.ignore_regions)] = np.nan
    return joints
