"""Steps of somebody who walks or runs, seen from the side.

A foot touches the ground where it is farthest before the pelvis, and leaves it where it is farthest behind (Zeni,
Richards and Higginson, Gait & Posture 27, 2008). The method needs no floor and works on a treadmill.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy.signal import find_peaks

from pose_track.analysis.kinematics import Kinematics
from pose_track.analysis.views import forward_sign
from pose_track.structures.arrays import Float64Array

Kind = Literal["contact", "toe_off"]

_MIN_SECONDS = 0.3  # between two contacts of one foot
_MIN_REACH = 0.2  # of the leg's length, from back to front
_END_SECONDS = 0.08  # a peak so near a gap may be no peak


@dataclass(frozen=True)
class StepEvent:
    """kind: "contact" or "toe_off" of the foot of a side. place: index among the person's frames."""

    side: Literal["left", "right"]
    kind: Kind
    place: int
    frame: int
    seconds: float


@dataclass(frozen=True)
class Gait:
    """Times of the steps, in seconds and steps a minute; NaN where there are too few events.

    cadence: steps a minute, of both feet. stride, stance, swing: medians, by side; a stride is from one contact of a
    foot to its next, stance from contact to toe-off, swing from toe-off to contact.
    """

    cadence: float
    stride: dict[str, float]
    stance: dict[str, float]
    swing: dict[str, float]


def step_events(kinematics: Kinematics) -> list[StepEvent]:
    """The contacts and toe-offs in order of time; none where the person is not seen from the side or takes no steps."""
    events = [event for side in ("left", "right") for event in _events_of(kinematics, side)]
    return sorted(events, key=lambda event: (event.place, event.side))


def _events_of(kinematics: Kinematics, side: Literal["left", "right"]) -> list[StepEvent]:
    hips = [kinematics.joints.get(f"{s}_hip") for s in ("left", "right")]
    ankle, knee = kinematics.joints.get(f"{side}_ankle"), kinematics.joints.get(f"{side}_knee")
    if ankle is None or knee is None or hips[0] is None or hips[1] is None:
        return []
    pelvis = (hips[0].position + hips[1].position) / 2
    leg = np.hypot(*(knee.position - pelvis).T) + np.hypot(*(ankle.position - knee.position).T)
    length = float(np.nanmedian(leg)) if np.isfinite(leg).any() else np.nan
    reach = (ankle.position - pelvis)[:, 0] * forward_sign(kinematics.view) / length
    trajectory = kinematics.trajectory
    found: list[tuple[Literal["contact", "toe_off"], int]] = [
        ("contact", place) for place in _peaks(reach, trajectory.seconds)
    ]
    found += [("toe_off", place) for place in _peaks(-reach, trajectory.seconds)]
    return [
        StepEvent(side, kind, place, int(trajectory.frames[place]), float(trajectory.seconds[place]))
        for kind, place in found
    ]


def _peaks(values: Float64Array, seconds: Float64Array) -> list[int]:
    """Places of peaks in (T,) values with NaN, part by part."""
    step = float(np.median(np.diff(seconds)))
    known = np.isfinite(values)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]])))
    places: list[int] = []
    for start, end in edges.reshape(-1, 2):
        part = values[start:end]
        peaks, _ = find_peaks(part, distance=max(1, round(_MIN_SECONDS / step)), prominence=_MIN_REACH)
        margin = _END_SECONDS / step
        places += [int(start + p) for p in peaks if margin <= p < len(part) - margin]
    return places


def gait(events: list[StepEvent]) -> Gait:
    """What the events say of the steps."""
    contacts = sorted(event.seconds for event in events if event.kind == "contact")
    intervals = np.diff(contacts)
    cadence = 60 / float(np.median(intervals)) if len(intervals) >= 2 else np.nan
    times = {
        (side, kind): np.array([e.seconds for e in events if (e.side, e.kind) == (side, kind)])
        for side in ("left", "right")
        for kind in ("contact", "toe_off")
    }
    sides = ("left", "right")
    return Gait(
        cadence,
        {side: _median(np.diff(times[side, "contact"])) for side in sides},
        {side: _median(_until(times[side, "contact"], times[side, "toe_off"])) for side in sides},
        {side: _median(_until(times[side, "toe_off"], times[side, "contact"])) for side in sides},
    )


def _until(starts: Float64Array, ends: Float64Array) -> Float64Array:
    """From each start to the first end after it, where that comes before the next start."""
    durations = []
    for start, following in zip(starts, [*starts, np.inf][1:], strict=True):
        later = ends[(ends > start) & (ends < following)]
        durations += [later[0] - start] if len(later) else []
    return np.array(durations)


def _median(values: Float64Array) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def stances(events: list[StepEvent]) -> list[tuple[StepEvent, StepEvent]]:
    """The contact and the toe-off of each time that a foot is on the ground, where both are known."""
    found = []
    for side in ("left", "right"):
        own = [event for event in events if event.side == side]
        found += [pair for pair in pairwise(own) if (pair[0].kind, pair[1].kind) == ("contact", "toe_off")]
    return found
