"""All runs of the benchmark, in turn with another program where one is given, and their table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from pose_track.benchmarks.live.clip import Clip
from pose_track.benchmarks.live.run import measure_live
from pose_track.benchmarks.speed.timing import read_metrics
from pose_track.config.settings import Settings
from pose_track.pipeline.stages import Stages

CLIP = "{clip}"
"""Stands for the path of the clip in the command of the other program."""

AGAINST = "against"
_METRICS = ("median_ms", "p95_ms", "skipped", "frames")


@dataclass(frozen=True)
class LiveFigures:
    """What was measured with one clip and source. source: one of SOURCES, or AGAINST; rounds: `LiveRun.summary` of
    each, or what the other program printed."""

    clip: Clip
    source: str
    rounds: Sequence[Mapping[str, float]]

    def medians(self) -> dict[str, float]:
        """Of the rounds."""
        return {name: median(values[name] for values in self.rounds) for name in self.rounds[0]}

    def metrics(self) -> dict[str, Any]:
        conditions = {"clip": self.clip.name, "fps": self.clip.fps, "source": self.source}
        return {**conditions, **self.medians(), "rounds": list(self.rounds)}


def compare_live(
    clips: Sequence[Clip],
    sources: Sequence[str],
    stages: Stages,
    settings: Settings,
    seconds: float,
    rounds: int = 1,
    against: str | None = None,
) -> Iterator[LiveFigures]:
    """Measure each clip through each source, and then `against`, a command that reads the clip; rounds are in turn.

    rounds: 1 or more. Raises as `measure_live` and `read_metrics`.
    """
    for clip in clips:
        names = [*sources, *([] if against is None else [AGAINST])]
        results: dict[str, list[Mapping[str, float]]] = {name: [] for name in names}
        for _ in range(rounds):
            for source in sources:
                results[source].append(measure_live(source, clip, stages, settings, seconds).summary())
            if against is not None:
                results[AGAINST].append(read_metrics(against.replace(CLIP, str(clip.h264)), _METRICS))
        for source, values in results.items():
            yield LiveFigures(clip, source, values)


def live_table(figures: Sequence[LiveFigures]) -> list[str]:
    """Medians of the rounds as lines of a Markdown table."""
    lines = [
        "| clip | fps | source | median ms | p95 ms | skipped | since capture ms | people | cores |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for figure in figures:
        values = figure.medians()
        cells = [figure.clip.name, figure.clip.fps, figure.source, f"{values['median_ms']:.1f}"]
        cells += [f"{values['p95_ms']:.1f}", f"{values['skipped']:.0f} of {values['frames']:.0f}"]
        cells += [_number(values, name) for name in ("median_ms_since_capture", "people", "cores")]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def _number(values: Mapping[str, float], name: str) -> str:
    return f"{values[name]:.1f}" if name in values else ""
