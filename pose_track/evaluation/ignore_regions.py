"""Ignore regions: parts of a frame without annotations. Joints inside are not evaluated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pose_track.structures.arrays import BoolArray, Float64Array, IntArray
from pose_track.structures.sequence import FrameInfo


def inside_polygons(points: Float64Array, polygons: Sequence[Float64Array]) -> BoolArray:
    """(N,) which points are strictly inside one of the polygons. A point on a polygon's boundary is not inside it.

    points: (N, 2) x y; a NaN point is outside.
    polygons: each (P, 2), closed implicitly, filled by the even-odd rule; empty with fewer than three corners.

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
    within_extent = (np.minimum(ax, bx) <= x) & (x <= np.maximum(ax, bx)) & (np.minimum(ay, by) <= y)
    on_edge = (side == 0) & within_extent & (y <= np.maximum(ay, by))
    is_odd = np.logical_xor.reduceat(crossed, first_edges, axis=1)  # (N, E) -> (N, polygons)
    on_boundary = np.logical_or.reduceat(on_edge, first_edges, axis=1)
    return np.asarray((is_odd & ~on_boundary).any(axis=1))


def remove_ignored_joints(joints: Float64Array, frame_indices: IntArray, frames: Sequence[FrameInfo]) -> Float64Array:
    """A copy of the joints, (N, K, 2), with those inside their frame's ignore regions set to NaN.

    frame_indices: (N,) each person's index into `frames`, ascending.
    """
    ends = np.searchsorted(frame_indices, np.arange(len(frames) + 1))
    joints = joints.copy()
    for index, frame in enumerate(frames):
        if frame.ignore_regions and ends[index] < ends[index + 1]:
            points = joints[ends[index] : ends[index + 1]].reshape(-1, 2)  # a view: (n, K, 2) -> (n * K, 2)
            points[inside_polygons(points, frame.ignore_regions)] = np.nan
    return joints
