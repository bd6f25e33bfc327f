"""pose-track benchmark detection: speed and accuracy of detecting people only in every n-th frame."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pose_track.benchmarks.jobs.job import Job, JobResult, add_rounds


def _add_options(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--every", type=int, nargs="+", default=[1, 2, 3, 5], help="frames from one detection to the next")
    add("--root", type=Path, nargs="+", default=[Path("data/sample")], help="data sets in PoseTrack's layout")
    add("--year", default="2018", help="year of that layout")
    add("--split", default="val", help="folder of annotations")
    add_rounds(parser)


def _measure(options: Namespace, overrides: dict[str, str]) -> JobResult:
    from pose_track.benchmarks.posetrack.dataset import scan_dataset
    from pose_track.benchmarks.speed.detection_interval import interval_metrics, interval_table, measure_intervals

    datasets = [scan_dataset(root, options.year, options.split) for root in options.root]
    results = [
        result
        for dataset in datasets
        for result in measure_intervals(dataset, options.every, overrides, options.rounds)
    ]
    return JobResult(interval_table(results), {"intervals": interval_metrics(results), "options": overrides})


JOB = Job("cost of detecting every n-th frame, in AP, MOTA and IDF1", _add_options, _measure, takes_settings=True)
