"""benchmark.py detection: what it costs to look for people only every n-th frame."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pose_track.benchmarks.speed.jobs.job import Job, Measured, add_rounds


def _add_options(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--every", type=int, nargs="+", default=[1, 2, 3, 5], help="frames from one detection to the next")
    add("--root", type=Path, nargs="+", default=[Path("data/sample")], help="data sets in the layout of PoseTrack")
    add("--year", default="2018", help="whose layout they have")
    add("--split", default="val", help="their folder of annotations")
    add_rounds(parser)


def _measure(options: Namespace, overrides: dict[str, str]) -> Measured:
    from pose_track.benchmarks.posetrack.dataset import check_data
    from pose_track.benchmarks.speed.detection_interval import cost_figures, cost_words, detection_costs

    sets = [check_data(root, options.year, options.split) for root in options.root]
    costs = [cost for data in sets for cost in detection_costs(data, options.every, overrides, options.rounds)]
    return Measured(cost_words(costs), {"costs": cost_figures(costs), "options": overrides})


JOB = Job("what detecting every n-th frame costs, in AP, MOTA and IDF1", _add_options, _measure, takes_settings=True)
