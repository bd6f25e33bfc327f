"""A person's measures in a few figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pose_track.analysis.kinematics import Kinematics
from pose_track.analysis.steps import gait, step_events
from pose_track.structures.arrays import Float64Array

_SIDES = ("left", "right")


def summarise(kinematics: Kinematics, unit: str) -> dict[str, float | str | int]:
    """Figures by name, with the unit in the name; NaN where not known.

    unit: of positions, "px" or "m".
    *_min_deg, *_max_deg, *_range_deg: of each joint angle over the frames in which it is known.
    *_asymmetry_percent: the difference of left and right ranges over their mean (symmetry index of Robinson, Herzog and
        Nigg, Journal of Manipulative and Physiological Therapeutics 10, 1987): positive where the left one is larger.
    """
    trajectory = kinematics.trajectory
    figures: dict[str, float | str | int] = {
        "person": trajectory.track_id,
        "first_frame": int(trajectory.frames[0]),
        "last_frame": int(trajectory.frames[-1]),
        "duration_seconds": float(trajectory.seconds[-1] - trajectory.seconds[0]),
        "seen_percent": 100 * float(np.mean((trajectory.scores > 0).any(axis=1))),
        "view": most_common(kinematics.view.tolist()),
        f"mean_speed_{unit}_per_s": _mean(kinematics.centre.speed),
        f"max_speed_{unit}_per_s": _extreme(kinematics.centre.speed, np.nanmax),
    }
    ranges = {}
    for name, angle in kinematics.joint_angles.items():
        low, high = (_extreme(angle.degrees, function) for function in (np.nanmin, np.nanmax))
        ranges[name] = high - low
        figures |= {f"{name}_min_deg": low, f"{name}_max_deg": high, f"{name}_range_deg": high - low}
    for joint in ("ankle", "knee", "hip", "shoulder", "elbow"):
        if f"left_{joint}" in ranges:
            figures[f"{joint}_asymmetry_percent"] = asymmetry(*(ranges[f"{side}_{joint}"] for side in _SIDES))
    return figures | _gait_figures(kinematics)


def _gait_figures(kinematics: Kinematics) -> dict[str, float | str | int]:
    events = step_events(kinematics)
    steps = gait(events)
    figures: dict[str, float | str | int] = {
        "steps": sum(event.kind == "contact" for event in events),
        "cadence_steps_per_min": steps.cadence,
    }
    for side in _SIDES:
        figures |= {
            f"{side}_stride_seconds": steps.stride[side],
            f"{side}_stance_seconds": steps.stance[side],
            f"{side}_swing_seconds": steps.swing[side],
        }
    return figures


def asymmetry(left: float, right: float) -> float:
    """Percent by which the left value is larger than the right one, of their mean.

    >>> asymmetry(60.0, 40.0)
    40.0
    """
    return 100 * (left - right) / ((left + right) / 2) if left + right else float("nan")


def most_common(values: list[str]) -> str:
    """The most common of the values that are not empty; "" without any."""
    known = [value for value in values if value]
    return max(set(known), key=lambda value: (known.count(value), value)) if known else ""


def _mean(values: Float64Array) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _extreme(values: Float64Array, function: Callable[[Float64Array], Any]) -> float:
    return float(function(values)) if np.isfinite(values).any() else float("nan")
