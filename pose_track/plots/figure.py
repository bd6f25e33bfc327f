"""Figures in the size and type of a paper."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pose_track.drawing.palette import PALETTES
from pose_track.utils.atomic import atomic_path
from pose_track.utils.extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = (".pdf", ".svg", ".png")

# letters stay letters in PDF (TrueType, which journals ask for) and SVG
_STYLE: Any = {
    "font.size": 8,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.0,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "pose_track",
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_DPI = 300


@contextmanager
def saved_axes(path: str | Path, width: float = 7.0, height: float = 2.8) -> Iterator[Axes]:
    """Axes to draw on, which are written to `path` when the block ends without an error.

    path: the suffix, one of FORMATS, is the format. width, height: in inches. Raises ValueError for another suffix,
    ImportError without matplotlib, and OSError where the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{str(path)!r} must end in {', '.join(FORMATS)}")
    require("matplotlib", purpose="a plot")
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kind = path.suffix.lower()[1:]
    fixed = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}[kind]  # the same plot, the same file
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure.add_subplot()
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as unfinished:
            figure.savefig(unfinished, dpi=_DPI, format=kind, metadata=fixed)


def line_colour(number: int) -> str:
    """The colour of the n-th person or kind, as matplotlib has it; those of the palette repeat.

    >>> line_colour(0), line_colour(6) == line_colour(0)
    ('#5790fc', True)
    """
    palette = PALETTES["petroff"]
    return "#{:02x}{:02x}{:02x}".format(*palette[number % len(palette)])
