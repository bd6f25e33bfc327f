"""The figures of a sweep as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, groupby
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.benchmarks.posetrack.sweep import Point, best_mota
from pose_track.utils.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = "osD^v<>pXP"
_DEEPEST = 60.0  # percent below the best that are shown: without thresholds MOTA may be far below zero


def plot_sweep(points: Sequence[Point], path: Path) -> None:
    """A PNG with MOTA and AP over the joint threshold, one line for each person threshold, the best MOTA marked.

    Lines differ by marker as well as by colour, so that it can be read in grey. Raises OSError.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # its import takes half a second
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    of_mota, of_ap = figure.subplots(1, 2)
    _draw(of_mota, points, "MOTA")
    _draw(of_ap, points, "AP")
    best = best_mota(points)
    if best is not None:
        label = f"best MOTA: {best.mota:.1f}"
        of_mota.plot(best.joint, best.mota, "*", color="black", markersize=16, zorder=3, label=label)
    figure.legend(*of_mota.get_legend_handles_labels(), title="person threshold", loc="outside right upper")
    with atomic_path(path) as unfinished:
        figure.savefig(unfinished, dpi=200, format="png")


def _draw(axes: Axes, points: Sequence[Point], figure: str) -> None:
    import matplotlib

    colours = matplotlib.colormaps["viridis"]
    lines = [(person, list(row)) for person, row in groupby(points, key=lambda point: point.person)]
    for place, ((person, row), marker) in enumerate(zip(lines, cycle(_MARKERS), strict=False)):
        values = [getattr(point, figure.lower()) for point in row]
        colour = colours(0.9 * place / max(len(lines) - 1, 1))
        axes.plot([point.joint for point in row], values, marker=marker, color=colour, label=f"{person:g}")
    axes.set(xlabel="joint threshold", ylabel=f"{figure} (total, %)")
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, high - _DEEPEST), high)
    axes.grid(alpha=0.3)
