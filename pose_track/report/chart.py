"""Curves over time as SVG, with the phases of the steps below them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

import numpy as np

from pose_track.drawing.palette import CENTRE, LEFT, RIGHT, shade
from pose_track.structures.arrays import Float64Array, IntArray

_WIDTH, _LEFT, _RIGHT, _TOP = 380, 40, 372, 24
_BELOW = 34  # between the curves and the lower edge
_BAR = 4  # height of a phase
_SHORT = 0.05  # of a step: so little beyond the last tick, such as a knee at -0.2 degrees, needs no further one
_MAX_POINTS = 700  # of a curve, more than its pixels
_COLOURS = {side: "#{:02x}{:02x}{:02x}".format(*shade(colour, 0.85)) for side, colour in
            (("left", LEFT), ("right", RIGHT), ("", CENTRE))}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Curve:
    """values: (T,); NaN where not known. side: "left", "right" or ""; the right one is dashed."""

    label: str
    values: Float64Array
    side: str = ""


@dataclass(frozen=True)
class Phase:
    """Something of a side of the body that lasts from one second to another."""

    side: str
    start: float
    end: float


def chart(
    title: str,
    unit: str,
    seconds: Float64Array,
    curves: Sequence[Curve],
    phases: Iterable[Phase] = (),
    height: int = 156,
    min_span: float = 0.0,
) -> str:
    """An <svg> of the curves; with the title only where nothing is known of them.

    seconds: (T,) increasing times. height: in units of which the width has 380. min_span: the smallest difference from
    the lower to the upper edge, so that noise is not enlarged.
    """
    bottom = height - _BELOW
    known = np.concatenate([np.zeros(0), *(curve.values[np.isfinite(curve.values)] for curve in curves)])
    head = f'<text class="title" x="{_LEFT}" y="13">{escape(title)} <tspan class="unit">{escape(unit)}</tspan></text>'
    if not len(known):
        return _svg(
            title, height, [head, f'<text x="{_LEFT}" y="{(_TOP + bottom) / 2}">not known in this video</text>']
        )
    low, high = float(known.min()), float(known.max())
    ticks = nice_ticks(*_widened(low, high, min_span), 4)
    times = nice_ticks(float(seconds[0]), float(seconds[-1]), 6)
    times = [time for time in times if seconds[0] <= time <= seconds[-1]]
    x = _Axis(float(seconds[0]), float(seconds[-1]), _LEFT, _RIGHT)
    y = _Axis(ticks[0], ticks[-1], bottom, _TOP)
    parts = [head, *_grid(ticks, times, x, y, height), *_legend(curves)]
    parts += [_bar(phase, x, bottom) for phase in phases]
    parts += [_path(curve, seconds, x, y) for curve in curves]
    return _svg(title, height, parts)


@dataclass(frozen=True)
class _Axis:
    """From values to places in the image."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low or 1.0) * (self.end - self.start)


def _widened(low: float, high: float, min_span: float) -> tuple[float, float]:
    """Two values at least `min_span` apart around these; not below 0 where these are not.

    >>> _widened(1.0, 5.0, 20.0), _widened(-5.0, 5.0, 20.0)
    ((0.0, 20.0), (-10.0, 10.0))
    """
    beyond = max(0.0, min_span - (high - low)) / 2
    shift = max(0.0, beyond - low) if low >= 0 else 0.0
    return low - beyond + shift, high + beyond + shift


def nice_ticks(low: float, high: float, number: int) -> list[float]:
    """About `number` round values, from one at or below `low` to one at or above `high`, or a little short of them.

    >>> nice_ticks(3, 97, 4), nice_ticks(0.0, 0.0, 4)
    ([0.0, 50.0, 100.0], [0.0, 0.5, 1.0])
    """
    if high <= low:
        low, high = floor(low), floor(low) + 1.0
    exponent = 10.0 ** floor(log10((high - low) / number))
    step = next(factor * exponent for factor in (1, 2, 5, 10) if factor * exponent * number >= high - low)
    return [round(i * step, 10) for i in range(floor(low / step + _SHORT), ceil(high / step - _SHORT) + 1)]


def _grid(ticks: Sequence[float], times: Sequence[float], x: _Axis, y: _Axis, height: int) -> list[str]:
    parts = []
    for tick in ticks:
        place = f"{y(tick):.1f}"
        kind = "zero" if tick == 0 else "grid"
        parts.append(f'<line class="{kind}" x1="{_LEFT}" x2="{_RIGHT}" y1="{place}" y2="{place}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 5}" y="{y(tick) + 3.5:.1f}" text-anchor="end">{tick:g}</text>')
    for time in times:
        at, anchor = (x(time), "middle") if x(time) < _RIGHT - 12 else (float(_WIDTH), "end")
        parts.append(f'<text class="tick" x="{at:.1f}" y="{height - 6}" text-anchor="{anchor}">{time:g} s</text>')
    return parts


def _legend(curves: Sequence[Curve]) -> list[str]:
    """The names of the curves above them, at the right."""
    parts, end = [], float(_RIGHT)
    for curve in reversed(curves):
        width = 6.2 * len(curve.label)
        parts.append(f'<text class="tick" x="{end:.1f}" y="13" text-anchor="end">{escape(curve.label)}</text>')
        start = end - width - 22
        parts.append(f'<path {_stroke(curve.side)} d="M{start:.1f} 9.5h18"/>')
        end = start - 10
    return parts if len(curves) > 1 else []


def _bar(phase: Phase, x: _Axis, bottom: int) -> str:
    top = bottom + 5 + (_BAR + 2) * (phase.side == "right")
    start, end = x(phase.start), x(phase.end)
    colour = _COLOURS[phase.side]
    return f'<rect x="{start:.1f}" y="{top}" width="{end - start:.1f}" height="{_BAR}" fill="{colour}"/>'


def _path(curve: Curve, seconds: Float64Array, x: _Axis, y: _Axis) -> str:
    words, is_drawing = [], False
    for place in thinned(curve.values, _MAX_POINTS).tolist():
        value = float(curve.values[place])
        if np.isfinite(value):
            words.append(f"{'L' if is_drawing else 'M'}{x(float(seconds[place])):.1f} {y(value):.1f}")
        is_drawing = bool(np.isfinite(value))
    return f'<path {_stroke(curve.side)} d="{"".join(words)}"/>'


def thinned(values: Float64Array, max_points: int) -> IntArray:
    """Ascending places of at most `max_points` of (T,) values, about: the smallest and the largest of each part, and
    those that are not known.

    >>> thinned(np.array([0.0, 5, 1, 2, 9, 3]), 4).tolist()
    [0, 1, 3, 4]
    """
    if len(values) <= max_points:
        return np.arange(len(values))
    places: set[int] = set()
    for part in np.array_split(np.arange(len(values)), max_points // 2):
        known = part[np.isfinite(values[part])]
        if len(known) < len(part):
            places.add(int(part[~np.isfinite(values[part])][0]))
        if len(known):
            places |= {int(known[values[known].argmin()]), int(known[values[known].argmax()])}
    return np.array(sorted(places))


def _stroke(side: str) -> str:
    dashes = ' stroke-dasharray="5 3"' if side == "right" else ""
    return f'class="curve" stroke="{_COLOURS[side]}"{dashes}'


def _svg(title: str, height: int, parts: Sequence[str]) -> str:
    label = escape(title, quote=True)
    return f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
