"""From where a person is seen: from the side, from the front or from behind."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pose_track.analysis.trajectory import Trajectory
from pose_track.structures.arrays import Float64Array

LEFT, RIGHT, FRONT, BACK, OBLIQUE, UNKNOWN = "side_left", "side_right", "front", "back", "oblique", ""

_MAX_SIDE_WIDTH = 0.35  # of shoulders and hips, as a share of the trunk's length
_MIN_FRONT_WIDTH = 0.45  # a body of usual proportions has 0.6 from the front, 0.42 at 45 degrees
_MIN_FORWARD = 0.05  # of what is in front of a body, likewise
_WINDOW_SECONDS = 1.0


def views(trajectory: Trajectory) -> NDArray[np.str_]:
    """(T,) the view of each frame: "side_left" or "side_right" for somebody who looks to the left or right of the
    image, "front", "back", "oblique" for what lies between, "" where it is not known.

    The width of shoulders and hips across the trunk, as a share of its length, tells side from front; left and right
    tell front from back; nose, toes and knees tell where somebody looks. Medians over a second are taken.
    """
    num_times = len(trajectory.frames)
    names = [(f"left_{part}", f"right_{part}") for part in ("shoulder", "hip")]
    shoulders, hips = (trajectory.point(*pair) for pair in names)
    if shoulders is None or hips is None:
        return np.full(num_times, UNKNOWN)
    trunk = hips - shoulders
    length = np.hypot(*trunk.T)
    across = np.stack([-trunk[:, 1], trunk[:, 0]], axis=1) / length[:, None]  # to the left of somebody upright
    widths = [((trajectory.point(left) - trajectory.point(right)) * across).sum(axis=1) for left, right in names]  # type: ignore[operator]
    turned = _running_median(np.mean(widths, axis=0) / length, trajectory.seconds)
    width = _running_median(np.mean(np.abs(widths), axis=0) / length, trajectory.seconds)  # swapped sides do not cancel
    forward = _running_median(_forward(trajectory, across) / length, trajectory.seconds)
    view = np.full(num_times, UNKNOWN, dtype="<U10")
    view[~np.isnan(width)] = OBLIQUE
    view[turned >= _MIN_FRONT_WIDTH] = BACK
    view[turned <= -_MIN_FRONT_WIDTH] = FRONT
    is_side = width <= _MAX_SIDE_WIDTH
    view[is_side & (forward >= _MIN_FORWARD)] = LEFT
    view[is_side & (forward <= -_MIN_FORWARD)] = RIGHT
    return _without_flicker(view, trajectory.seconds)


def _without_flicker(view: NDArray[np.str_], seconds: Float64Array) -> NDArray[np.str_]:
    """(T,) the views, oblique where a view from the side is shorter than a second and another one before or after."""
    steady: NDArray[np.str_] = view.copy()
    edges = [0, *(np.flatnonzero(view[1:] != view[:-1]) + 1).tolist(), len(view)]
    for start, end in pairwise(edges):
        is_part = end - start < len(view)
        if is_part and view[start] in (LEFT, RIGHT) and seconds[end - 1] - seconds[start] < _WINDOW_SECONDS:
            steady[start:end] = OBLIQUE
    return steady


def forward_sign(view: NDArray[np.str_]) -> Float64Array:
    """(T,) 1 where somebody looks to the right of the image, -1 to the left, NaN where forwards is not in the image."""
    return np.where(view == RIGHT, 1.0, np.where(view == LEFT, -1.0, np.nan))


def _forward(trajectory: Trajectory, across: Float64Array) -> Float64Array:
    """(T,) how far what is in front of a body lies to the left of somebody upright, in the unit of the joints: the nose
    from the neck and the ears, the toes from the ankles, each across the trunk, and the knees from the lines between
    hips and ankles, for knees bend in one direction. NaN where nothing of this is seen.

    across: (T, 2) unit vectors to the left of somebody upright.
    """
    parts = [np.full(len(trajectory.frames), np.nan)]
    pairs = [(("nose",), ("head_bottom",)), (("nose",), ("left_ear", "right_ear"))]
    pairs += [((f"{side}_big_toe",), (f"{side}_ankle",)) for side in ("left", "right")]
    for ahead, behind in pairs:
        front, back = trajectory.point(*ahead), trajectory.point(*behind)
        if front is not None and back is not None:
            parts.append(((front - back) * across).sum(axis=1))
    for side in ("left", "right"):
        hip, knee, ankle = (trajectory.point(f"{side}_{joint}") for joint in ("hip", "knee", "ankle"))
        if hip is not None and knee is not None and ankle is not None:
            parts.append(_beside(hip, ankle, knee))
    seen = np.isfinite(parts).any(axis=0)
    return np.where(seen, np.nansum(parts, axis=0), np.nan)


def _beside(start: Float64Array, end: Float64Array, point: Float64Array) -> Float64Array:
    """(T,) distances of points to the left of lines from `start` down to `end`; negative to the right."""
    line, reach = end - start, point - start
    with np.errstate(divide="ignore", invalid="ignore"):
        cross = line[:, 0] * reach[:, 1] - line[:, 1] * reach[:, 0]
        return np.asarray(cross / np.hypot(*line.T))


def _running_median(values: Float64Array, seconds: Float64Array) -> Float64Array:
    """(T,) the median of the values within half a second; NaN where there are none."""
    first = np.searchsorted(seconds, seconds - _WINDOW_SECONDS / 2, side="left")
    last = np.searchsorted(seconds, seconds + _WINDOW_SECONDS / 2, side="right")
    windows = [values[a:b][~np.isnan(values[a:b])] for a, b in zip(first, last, strict=True)]
    return np.array([np.median(window) if len(window) else np.nan for window in windows])
