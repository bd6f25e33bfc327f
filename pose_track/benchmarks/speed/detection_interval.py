"""What it costs to look for people only every n-th frame: frames a second against AP, MOTA and IDF1."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from pose_track.benchmarks.posetrack.dataset import DataSet
from pose_track.benchmarks.posetrack.run import Outcome, run_benchmark
from pose_track.benchmarks.speed.timing import in_turns
from pose_track.config.load import configs_folder, load_settings
from pose_track.config.settings import PoseTrackSettings

SETTING = "detector.every"
Benchmark = Callable[[DataSet, PoseTrackSettings, Path], Outcome]


@dataclass(frozen=True)
class Cost:
    """Of a data set, detecting every so-manieth frame. frames_per_second: the median of the rounds; ap, mota, idf1: in
    percent, as poseval counts."""

    data: str
    every: int
    frames_per_second: float
    ap: float
    mota: float
    idf1: float


def detection_costs(
    data: DataSet,
    every: Sequence[int],
    overrides: Mapping[str, str],
    rounds: int = 1,
    benchmark: Benchmark = run_benchmark,
) -> list[Cost]:
    """Run the benchmark of a data set in the layout of PoseTrack with each distance of detections, in turn.

    overrides: dotted settings and their values, of the benchmark's own. Raises ValueError for a distance below 1, or
    where no sequence has figures.
    """
    config = configs_folder() / "benchmark" / "bundled.yaml"
    chosen = {n: load_settings(PoseTrackSettings, config, {**overrides, SETTING: str(n)}) for n in every}

    def outcome(settings: PoseTrackSettings) -> Outcome:
        with TemporaryDirectory() as folder:
            return benchmark(data, settings, Path(folder))

    jobs = {str(n): lambda settings=settings: outcome(settings) for n, settings in chosen.items()}
    found = in_turns(jobs, rounds)
    return [_cost(data.root.name, int(n), outcomes) for n, outcomes in found.items()]


def _cost(name: str, every: int, outcomes: Sequence[Outcome]) -> Cost:
    evaluation = outcomes[0].evaluation
    if evaluation is None:
        raise ValueError(f"no sequence of {name!r} could be measured; see the warnings above")
    figures = evaluation.modes["poseval"]
    ap, mota, idf1 = (float(getattr(figures, key)[-1]) for key in ("ap", "mota", "idf1"))
    return Cost(name, every, median(_frames_per_second(outcome) for outcome in outcomes), ap, mota, idf1)


def _frames_per_second(outcome: Outcome) -> float:
    done = outcome.done.values()
    return sum(one.num_frames for one in done) / sum(one.seconds for one in done)


def cost_words(costs: Sequence[Cost]) -> list[str]:
    """A table; what each figure has lost against the first line of its data set stands behind it.

    >>> for line in cost_words([Cost("sample", 1, 20.0, 80.0, 70.0, 90.0), Cost("sample", 3, 30.0, 78.5, 70.5, 90.0)]):
    ...     print(line)
    data                every   frames a second       AP            MOTA            IDF1
    sample                  1              20.0     80.0            70.0            90.0
    sample                  3              30.0     78.5 (-1.5)     70.5 (+0.5)     90.0 (+0.0)
    """
    heads = "".join(f"{head:>9}{'':7}" for head in ("AP", "MOTA", "IDF1")).rstrip()
    lines = [f"{'data':<20}{'every':>5}{'frames a second':>18}{heads}"]
    first: dict[str, Cost] = {}
    for cost in costs:
        base = first.setdefault(cost.data, cost)
        cells = [f"{getattr(cost, key):>9.1f} {_change(cost, base, key):<6}" for key in ("ap", "mota", "idf1")]
        lines.append(f"{cost.data:<20}{cost.every:>5}{cost.frames_per_second:>18.1f}{''.join(cells)}".rstrip())
    return lines


def _change(cost: Cost, base: Cost, key: str) -> str:
    return "" if cost is base else f"({getattr(cost, key) - getattr(base, key):+.1f})"


def cost_figures(costs: Sequence[Cost]) -> list[dict[str, Any]]:
    """The same as values for a JSON file."""
    return [asdict(cost) for cost in costs]
