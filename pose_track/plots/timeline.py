"""When each person is in the video, and where the poses are from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pose_track.plots.figure import line_colour
from pose_track.plots.person_series import PersonSeries
from pose_track.structures.frames import SOURCES

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_timeline(axes: Axes, people: Sequence[PersonSeries]) -> None:
    """A bar for each person, coloured by the source of the poses, with gaps where the person is not in a frame."""
    used = {source for person in people for source in person.sources.tolist()}
    for source in (source for source in SOURCES if source in used):
        colour = line_colour(SOURCES.index(source))
        for row, person in enumerate(people):
            axes.broken_barh(source_spans(person, source), (row - 0.4, 0.8), color=colour, linewidth=0)
        axes.broken_barh([], (0, 0), color=colour, label=source)
    axes.set_yticks(range(len(people)), [person.label for person in people])
    axes.set(xlabel="time (s)", ylabel="person", ylim=(len(people) - 0.4, -0.6))
    axes.margins(x=0.01)
    if used:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)


def source_spans(person: PersonSeries, source: str) -> list[tuple[float, float]]:
    """Start and length in seconds of the times in which a person has poses of a source. A frame lasts to the next one,
    or, before a gap, as long as the person's usual frame."""
    if len(person.frames) > 1:
        steps, durations = np.diff(person.frames), np.diff(person.seconds)
        usual = float(np.median(durations))
        lasts = np.append(np.where(steps > np.median(steps), usual, durations), usual)
    else:
        lasts = np.zeros(1)
    spans: list[tuple[float, float]] = []
    for start, length in zip(
        person.seconds[person.sources == source].tolist(), lasts[person.sources == source].tolist(), strict=True
    ):
        if spans and abs(sum(spans[-1]) - start) < 1e-6:
            spans[-1] = spans[-1][0], start + length - spans[-1][0]
        else:
            spans.append((start, length))
    return spans
