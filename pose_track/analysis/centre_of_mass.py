"""The centre of mass of a body, from its segments.

Masses and centres of the segments, as shares of the body's mass and of the segment's length from its proximal end, are
those of P. de Leva, "Adjustments to Zatsiorsky-Seluyanov's segment inertia parameters", Journal of Biomechanics 29
(1996), table 4. The mean of women and men is taken unless the sex is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pose_track.analysis.trajectory import Trajectory, first_point
from pose_track.structures.arrays import Float64Array

Sex = Literal["female", "male", "mean"]

_SHOULDERS, _HIPS = ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")
_EARS = ("left_ear", "right_ear")
_MIN_MASS = 0.75  # of the body: with less of it known, the centre of mass is not


@dataclass(frozen=True)
class _Segment:
    """mass, centre: shares, of women and men. proximal, distal: choices of joints for the ends, best first."""

    mass: tuple[float, float]
    centre: tuple[float, float]
    proximal: Sequence[Sequence[str]]
    distal: Sequence[Sequence[str]]


def _limbs(side: str) -> list[_Segment]:
    def at(name: str) -> Sequence[Sequence[str]]:
        return [[f"{side}_{name}"]]

    return [
        _Segment((0.0255, 0.0271), (0.5754, 0.5772), at("shoulder"), at("elbow")),
        # the hand is added to the forearm at its end, for skeletons of bodies end at the wrist
        _Segment((0.0138, 0.0162), (0.4559, 0.4574), at("elbow"), at("wrist")),
        _Segment((0.0056, 0.0061), (1.0, 1.0), at("elbow"), at("wrist")),
        _Segment((0.1478, 0.1416), (0.3612, 0.4095), at("hip"), at("knee")),
        _Segment((0.0481, 0.0433), (0.4352, 0.4395), at("knee"), at("ankle")),
        _Segment((0.0129, 0.0137), (0.4014, 0.4415), [*at("heel"), *at("ankle")], [*at("big_toe"), *at("ankle")]),
    ]


_SEGMENTS = (
    # from the vertex to the neck; without a vertex, the head's mass is in the middle of the ears or the nose
    _Segment((0.0668, 0.0694), (0.4841, 0.5002), [["head_top"], _EARS, ["nose"]], [["head_bottom"], _EARS, ["nose"]]),
    _Segment((0.4257, 0.4346), (0.3782, 0.4310), [_SHOULDERS], [_HIPS]),
    *_limbs("left"),
    *_limbs("right"),
)


def centre_of_mass(trajectory: Trajectory, sex: Sex = "mean") -> Float64Array:
    """(T, 2) the body's centre of mass in the image plane.

    Segments whose joints are absent are left out, and the others weigh more; NaN where those that are known have less
    than three quarters of the body's mass.
    """
    num_times = len(trajectory.frames)
    total, weighted = np.zeros(num_times), np.zeros((num_times, 2))
    for segment in _SEGMENTS:
        proximal, distal = first_point(trajectory, segment.proximal), first_point(trajectory, segment.distal)
        if proximal is None or distal is None:
            continue
        centre = proximal + _of(segment.centre, sex) * (distal - proximal)
        known, mass = ~np.isnan(centre[:, 0]), _of(segment.mass, sex)
        weighted[known] += mass * centre[known]
        total[known] += mass
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where((total >= _MIN_MASS)[:, None], weighted / total[:, None], np.nan))


def _of(values: tuple[float, float], sex: Sex) -> float:
    female, male = values
    return {"female": female, "male": male, "mean": (female + male) / 2}[sex]
