"""Effect of detecting people only in every n-th frame: frames a second against AP, MOTA and IDF1."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from pose_track.benchmarks.posetrack.dataset import PoseTrackDataset
from pose_track.benchmarks.posetrack.run import BenchmarkResult, run_posetrack
from pose_track.benchmarks.speed.timing import run_interleaved
from pose_track.config.load import configs_folder, load_settings
from pose_track.config.settings import PoseTrackSettings

SETTING = "detector.every"
Benchmark = Callable[[PoseTrackDataset, PoseTrackSettings, Path], BenchmarkResult]


@dataclass(frozen=True)
class IntervalResult:
    """Speed and accuracy on one data set with one interval.

    every: frames from one detection to the next.
    frames_per_second: median of the rounds.
    ap, mota, idf1: totals in percent, in poseval's mode.
    """

    dataset: str
    every: int
    frames_per_second: float
    ap: float
    mota: float
    idf1: float


def measure_intervals(
    dataset: PoseTrackDataset,
    intervals: Sequence[int],
    overrides: Mapping[str, str],
    rounds: int = 1,
    benchmark: Benchmark = run_posetrack,
) -> list[IntervalResult]:
    """Run the PoseTrack benchmark with each interval, in turn.

    overrides: dotted settings of the benchmark and their values.

    Raises ValueError for an interval below 1, or where no sequence has metrics.
    """
    config = configs_folder() / "benchmark" / "bundled.yaml"
    settings_of = {n: load_settings(PoseTrackSettings, config, {**overrides, SETTING: str(n)}) for n in intervals}

    def run(settings: PoseTrackSettings) -> BenchmarkResult:
        with TemporaryDirectory() as folder:
            return benchmark(dataset, settings, Path(folder))

    jobs = {str(n): lambda settings=settings: run(settings) for n, settings in settings_of.items()}
    results = run_interleaved(jobs, rounds)
    return [_interval_result(dataset.root.name, int(n), runs) for n, runs in results.items()]


def _interval_result(dataset: str, every: int, runs: Sequence[BenchmarkResult]) -> IntervalResult:
    evaluation = runs[0].evaluation
    if evaluation is None:
        raise ValueError(f"no sequence of {dataset!r} could be measured; see the warnings above")
    totals = evaluation.modes["poseval"]
    ap, mota, idf1 = (float(getattr(totals, key)[-1]) for key in ("ap", "mota", "idf1"))
    return IntervalResult(dataset, every, median(_frames_per_second(run) for run in runs), ap, mota, idf1)


def _frames_per_second(run: BenchmarkResult) -> float:
    sequences = run.sequences.values()
    return sum(sequence.num_frames for sequence in sequences) / sum(sequence.seconds for sequence in sequences)


def interval_table(results: Sequence[IntervalResult]) -> list[str]:
    """A table, one row a result; in brackets the difference from the first row of the same data set.

    >>> rows = [IntervalResult("a", 1, 20.0, 80.0, 70.0, 90.0), IntervalResult("a", 3, 30.0, 78.5, 70.5, 90.0)]
    >>> for line in interval_table(rows):
    ...     print(line)
    data set            every   frames a second       AP            MOTA            IDF1
    a                       1              20.0     80.0            70.0            90.0
    a                       3              30.0     78.5 (-1.5)     70.5 (+0.5)     90.0 (+0.0)
    """
    heads = "".join(f"{head:>9}{'':7}" for head in ("AP", "MOTA", "IDF1")).rstrip()
    lines = [f"{'data set':<20}{'every':>5}{'frames a second':>18}{heads}"]
    first: dict[str, IntervalResult] = {}
    for result in results:
        base = first.setdefault(result.dataset, result)
        cells = [f"{getattr(result, key):>9.1f} {_change(result, base, key):<6}" for key in ("ap", "mota", "idf1")]
        lines.append(f"{result.dataset:<20}{result.every:>5}{result.frames_per_second:>18.1f}{''.join(cells)}".rstrip())
    return lines


def _change(result: IntervalResult, base: IntervalResult, key: str) -> str:
    return "" if result is base else f"({getattr(result, key) - getattr(base, key):+.1f})"


def interval_metrics(results: Sequence[IntervalResult]) -> list[dict[str, Any]]:
    """The same as values for a JSON file."""
    return [asdict(result) for result in results]
