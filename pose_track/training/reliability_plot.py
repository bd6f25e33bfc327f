"""Plot of the reliability of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pose_track.evaluation.calibration import Tenth
from pose_track.utils.atomic import atomic_path
from pose_track.utils.extras import require

_MIN_COUNT = 20  # cases of a tenth that is drawn


def plot_reliability(tables: Mapping[str, Sequence[Tenth]], path: Path) -> None:
    """Write a PNG of the share of right cases over the mean score of each tenth, one line a table, named by its key.

    Tenths of few cases are left out. Raises OSError, or ImportError without matplotlib.
    """
    require("matplotlib", purpose="a plot")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--")
    for (name, table), marker in zip(tables.items(), "osD^v", strict=False):
        drawn = [tenth for tenth in table if tenth.count >= _MIN_COUNT]
        points = [tenth.mean_score for tenth in drawn], [tenth.share_right for tenth in drawn]
        axes.plot(*points, marker=marker, label=name)
    axes.set(xlabel="score", ylabel="share of right cases", xlim=(0, 1), ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend()
    with atomic_path(path) as unfinished:
        figure.savefig(unfinished, dpi=110, format="png")
