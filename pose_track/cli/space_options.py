"""The options that say how a video was taken: what a metre is, the lens, and the speed."""

from __future__ import annotations

import argparse
from math import hypot, inf
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.choice_options import point

if TYPE_CHECKING:
    from pose_track.analysis.analyse import Conditions
    from pose_track.analysis.lens import Lens
    from pose_track.analysis.space import Floor
    from pose_track.results.result import Result
    from pose_track.structures.arrays import Float64Array


def add_space(parser: argparse.ArgumentParser) -> None:
    """--height, --scale, --floor, --lens and --speed-factor."""
    add = parser.add_argument_group("space and time").add_argument
    add("--height", action="append", default=[], metavar="[ID=]M", help="body height in metres, of a person or of all")
    add("--scale", nargs=3, metavar=("X1,Y1", "X2,Y2", "M"), help="two points in pixels and the metres between them")
    add(
        "--floor",
        nargs="+",
        metavar="X,Y=U,V",
        help="four points or more of the floor, in pixels and in metres, such as 100,620=0,0",
    )
    add("--lens", type=Path, metavar="FILE", help="OpenCV calibration of the camera, whose distortion is removed")
    add(
        "--speed-factor",
        type=float,
        metavar="F",
        help="speed of the video over that of life, such as 0.125 (default: as the result states, else 1)",
    )


def chosen_conditions(options: argparse.Namespace, result: Result) -> Conditions:
    """How the video of a result was taken. Raises ValueError, naming the option, for values that cannot be, and as
    `read_lens`."""
    from pose_track.analysis.analyse import Conditions
    from pose_track.formats.speed_factor import agreed_speed

    given = [name for name in ("height", "scale", "floor") if getattr(options, name)]
    if len(given) > 1:
        raise ValueError(f"--{given[0]} and --{given[1]} both say what a metre is; give one of them")
    given = options.speed_factor
    if given is not None and not 0 < given < inf:
        raise ValueError(f"--speed-factor must be a number above 0, got {given}")
    lens = _lens(options.lens, result)
    return Conditions(
        options.min_score,
        options.sex,
        dict(map(_height, options.height)),
        _scale(options.scale, lens) if options.scale else None,
        _floor(options.floor, lens) if options.floor else None,
        agreed_speed(result.header, given, result.path),
        lens,
    )


def _lens(path: Path | None, result: Result) -> Lens | None:
    if path is None:
        return None
    from pose_track.analysis.lens_file import read_lens

    try:
        return read_lens(path).for_size(result.width, result.height)
    except ValueError as error:
        raise ValueError(f"--lens: {error}") from None


def _height(text: str) -> tuple[int | None, float]:
    person, _, metres = text.rpartition("=")
    try:
        height = float(metres)
        track_id = int(person) if person else None
    except ValueError:
        raise ValueError(f"--height takes metres, such as 1.75 or 3=1.75 for person 3, got {text!r}") from None
    if not 0.3 <= height <= 3:
        raise ValueError(f"--height {height:g} is no body height in metres, such as 1.75")
    return track_id, height


def _points(texts: list[str], option: str, lens: Lens | None) -> Float64Array:
    """(P, 2) points of the image, without the distortion of the lens. Raises ValueError where it has none there."""
    import numpy as np

    points = np.array([point(text, option) for text in texts], np.float64)
    if lens is None:
        return points
    points = lens.undistorted(points)
    for text in (text for text, place in zip(texts, points, strict=True) if np.isnan(place).any()):
        raise ValueError(f"{option}: the lens model has no place for the point {text}; choose one nearer the middle")
    return points


def _scale(texts: list[str], lens: Lens | None) -> float:
    """Metres per pixel."""
    first, second = _points(texts[:2], "--scale", lens)
    pixels = hypot(*(second - first))
    try:
        metres = float(texts[2])
    except ValueError:
        metres = 0.0
    if not (metres > 0 and pixels > 0):
        raise ValueError(f"--scale takes two different points and a distance above 0 in metres, got {' '.join(texts)}")
    return metres / pixels


def _floor(texts: list[str], lens: Lens | None) -> Floor:
    import numpy as np

    from pose_track.analysis.space import Floor

    pairs = [text.split("=") for text in texts]
    if not all(len(pair) == 2 for pair in pairs):
        raise ValueError("--floor takes points X,Y=U,V in pixels and metres, such as 100,620=0,0")
    pixels = _points([pair[0] for pair in pairs], "--floor", lens)
    return Floor.from_points(pixels, np.array([point(pair[1], "--floor") for pair in pairs]))
