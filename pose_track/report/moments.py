"""The moments of which a report shows an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pose_track.analysis.kinematics import Kinematics
from pose_track.analysis.steps import StepEvent
from pose_track.structures.arrays import IntArray

_BENDING = tuple(f"{side}_{joint}" for joint in ("knee", "hip", "shoulder") for side in ("left", "right"))
"""Joints whose extremes are shown: the limbs that are long enough for an extreme to be one."""


@dataclass(frozen=True)
class Moment:
    """place: index among the person's frames."""

    place: int
    caption: str


def key_moments(kinematics: Kinematics, events: Sequence[StepEvent]) -> list[Moment]:
    """Up to four moments in order of time: a stride where there is one, else the extremes of the joint that moves most,
    and the beginning, the end or the middle of the time in which somebody is seen."""
    seen = np.flatnonzero((kinematics.trajectory.scores > 0).any(axis=1))
    shown: dict[int, Moment] = {}
    for moment in _stride(events) or [*_extremes(kinematics), *_plain(seen)]:
        place = int(seen[np.abs(seen - moment.place).argmin()])  # that of a stride may lie in a gap
        if len(shown) < 4:
            shown.setdefault(place, Moment(place, moment.caption))
    return [shown[place] for place in sorted(shown)]


def _stride(events: Sequence[StepEvent]) -> list[Moment]:
    """The middle one of the strides that are known from contact to contact."""
    strides = []
    for side in ("left", "right"):
        own = [event for event in events if event.side == side]
        for contact, toe_off, following in zip(own, own[1:], own[2:], strict=False):
            if [contact.kind, toe_off.kind, following.kind] == ["contact", "toe_off", "contact"]:
                strides.append((side, contact.place, toe_off.place, following.place))
    if not strides:
        return []
    side, start, middle, end = strides[len(strides) // 2]
    return [
        Moment(start, f"{side} foot contact"),
        Moment((start + middle) // 2, f"{side} mid-stance"),
        Moment(middle, f"{side} toe-off"),
        Moment((middle + end) // 2, f"{side} mid-swing"),
    ]


def _plain(seen: IntArray) -> list[Moment]:
    """seen: (S,) places at which somebody is seen."""
    places = {"first seen": seen[0], "last seen": seen[-1], "half-way": seen[len(seen) // 2]}
    return [Moment(int(place), caption) for caption, place in places.items()]


def _extremes(kinematics: Kinematics) -> list[Moment]:
    angles = {name: a.degrees for name, a in kinematics.joint_angles.items() if name in _BENDING}
    known = {name: degrees for name, degrees in angles.items() if np.isfinite(degrees).any()}
    if not known:
        return []
    name = max(known, key=lambda name: (float(np.nanmax(known[name]) - np.nanmin(known[name])), name))
    places = {"least": int(np.nanargmin(known[name])), "most": int(np.nanargmax(known[name]))}
    words = name.replace("_", " ")
    return [Moment(place, f"{words} at its {kind}, {known[name][place]:.0f}°") for kind, place in places.items()]
