"""Plot of a threshold sweep."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, groupby
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.benchmarks.posetrack.sweep import SweepPoint, best_mota
from pose_track.utils.atomic import atomic_path
from pose_track.utils.extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = "osD^v<>pXP"
_LOWEST = 60.0  # percentage points below the best that are shown; without thresholds MOTA may be far below zero


def plot_sweep(points: Sequence[SweepPoint], path: Path) -> None:
    """Write a PNG of MOTA and AP over the joint threshold, one line a person threshold, with the best MOTA marked.

    Lines differ by marker and colour, so that the plot can be read in grey. Raises OSError, or ImportError without
    matplotlib.
    """
    require("matplotlib", purpose="a plot")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    mota_axes, ap_axes = figure.subplots(1, 2)
    _draw(mota_axes, points, "MOTA")
    _draw(ap_axes, points, "AP")
    best = best_mota(points)
    if best is not None:
        label = f"best MOTA: {best.mota:.1f}"
        mota_axes.plot(best.joint, best.mota, "*", color="black", markersize=16, zorder=3, label=label)
    figure.legend(*mota_axes.get_legend_handles_labels(), title="person threshold", loc="outside right upper")
    with atomic_path(path) as unfinished:
        figure.savefig(unfinished, dpi=200, format="png")


def _draw(axes: Axes, points: Sequence[SweepPoint], metric: str) -> None:
    import matplotlib

    colours = matplotlib.colormaps["viridis"]
    lines = [(person, list(row)) for person, row in groupby(points, key=lambda point: point.person)]
    for index, ((person, row), marker) in enumerate(zip(lines, cycle(_MARKERS), strict=False)):
        values = [getattr(point, metric.lower()) for point in row]
        colour = colours(0.9 * index / max(len(lines) - 1, 1))
        axes.plot([point.joint for point in row], values, marker=marker, color=colour, label=f"{person:g}")
    axes.set(xlabel="joint threshold", ylabel=f"{metric} (total, %)")
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, high - _LOWEST), high)
    axes.grid(alpha=0.3)
