"""One tracked person of one frame, by names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Joint(NamedTuple):
    """A joint in pixels of the displayed frame. score: in [0, 1]; 0 for an absent joint."""

    x: float
    y: float
    score: float


@dataclass(frozen=True)
class Person:
    """One person of a `TrackedPoses`.

    id: track id, at least 1.
    box: x1 y1 x2 y2 in pixels.
    score: in [0, 1].
    joints: by name, such as `person.joints["left_knee"].x`.
    confirmed: whether the track was seen often enough to be trusted.
    source: of the box, see `Detections`.
    """

    id: int
    box: tuple[float, float, float, float]
    score: float
    joints: Mapping[str, Joint]
    confirmed: bool
    source: str
