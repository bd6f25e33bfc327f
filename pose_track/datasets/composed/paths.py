"""Where a person walks: over level ground in metres, x to the right and z away from the camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pose_track.structures.arrays import Float64Array

_SPEED = (0.9, 1.6)  # metres a second of a walking person
_PAUSE = (0.8, 2.0)  # seconds that a person stands or is away
_BESIDE = 0.8  # metres beyond the edge of the image at which a person is out of sight


class Stage(NamedTuple):
    """The ground that a shot shows.

    half_angle: tangent of half the angle of view; near, far: metres from the camera between which people walk;
    meeting: x, z and seconds at which several people come together; seconds: length of the shot.
    """

    half_angle: float
    near: float
    far: float
    meeting: tuple[float, float, float]
    seconds: float

    def edge(self, z: float) -> float:
        """x at which a person at distance z is out of sight on the right; -x on the left."""
        return self.half_angle * z + _BESIDE


@dataclass(frozen=True, eq=False)
class Path:
    """Positions over time, linear between the given points; the person stands before the first and after the last.

    seconds: (P,) increasing. points: (P, 2) x z in metres.
    """

    seconds: Float64Array
    points: Float64Array

    def position(self, seconds: float) -> tuple[float, float]:
        """x and z."""
        x, z = (float(np.interp(seconds, self.seconds, self.points[:, axis])) for axis in (0, 1))
        return x, z

    def walked(self, seconds: float) -> float:
        """Metres walked since the first point."""
        steps = np.linalg.norm(np.diff(self.points, axis=0), axis=1)
        return float(np.interp(seconds, self.seconds, np.append(0, np.cumsum(steps))))


def _path(points: Sequence[tuple[float, float]], speed: float, pauses: Sequence[float], start: float) -> Path:
    """A walk through points at a constant speed. pauses: seconds to stand at each inner point."""
    times, places = [start], [points[0]]
    for number, point in enumerate(points[1:]):
        times.append(times[-1] + max(0.04, float(np.hypot(*np.subtract(point, places[-1]))) / speed))
        places.append(point)
        if number < len(pauses) and pauses[number] > 0:
            times.append(times[-1] + pauses[number])
            places.append(point)
    return Path(np.array(times), np.array(places, np.float64))


def random_path(rng: np.random.Generator, stage: Stage, leave_chance: float) -> Path:
    """Somebody who leaves and comes back, or walks past the meeting place, stops there, turns round, or stands."""
    if rng.random() < leave_chance:
        return _leaves_and_returns(rng, stage)
    kind = rng.choice(["across", "stops", "turns", "stands", "approaches"], p=[0.45, 0.2, 0.1, 0.1, 0.15])
    x, z, seconds = stage.meeting
    z = float(np.clip(z + rng.uniform(-0.8, 0.8), stage.near, stage.far))
    x, speed, side = x + rng.uniform(-0.5, 0.5), rng.uniform(*_SPEED), rng.choice([-1, 1])
    begin, pause = (side * stage.edge(z), z), rng.uniform(*_PAUSE)
    if kind == "stands":
        return _path([(x, z), (x + 0.25 * side, z)], 0.15, [], rng.uniform(0, stage.seconds))
    if kind == "approaches":
        far = (x - 0.8 * side, min(stage.far, z + 2.5))
        return _on_time(_path([far, (x, z), (x + 0.8 * side, stage.near)], speed, [], 0.0), 1, seconds)
    end = begin if kind == "turns" else (-begin[0], float(np.clip(z + rng.normal(0, 0.3), stage.near, stage.far)))
    pauses = [0.0 if kind == "across" else pause]
    return _on_time(_path([begin, (x, z), end], speed, pauses, 0.0), 1, seconds + rng.normal(0, 0.4))


def _on_time(path: Path, point: int, seconds: float) -> Path:
    """The path moved in time, so that a point is reached at `seconds`."""
    return Path(path.seconds - path.seconds[point] + seconds, path.points)


def _leaves_and_returns(rng: np.random.Generator, stage: Stage) -> Path:
    z, side, speed = rng.uniform(stage.near, stage.far), rng.choice([-1, 1]), rng.uniform(*_SPEED)
    start, outside = side * stage.edge(z) - side * rng.uniform(1.8, 3.0), (side * stage.edge(z), z)
    back = float(np.clip(z + rng.normal(0, 0.4), stage.near, stage.far))
    again = (side * stage.edge(back), back)
    inside = (side * rng.uniform(-0.5, 0.3) * stage.edge(back), back)
    return _path([(start, z), outside, again, inside], speed, [rng.uniform(*_PAUSE)], rng.uniform(0, 0.5))
