"""pose-track benchmark quality CONFIG: every figure of accuracy of a keypoint network and a detector, in one table."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from pose_track.benchmarks.jobs.job import Job, JobResult


def _add_options(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("config", type=Path, help="a list of sets, such as configs/benchmark/quality.yaml; --pose.weights FILE, "
        "--detector.weights FILE and other settings may follow")  # fmt: skip
    add("--data", type=Path, nargs="+", default=[Path("data")], metavar="DIR", help="folders of the sets")


def _measure(options: Namespace, overrides: dict[str, str]) -> JobResult:
    from pose_track.config.load import load_settings
    from pose_track.training.packages import require_training_packages

    require_training_packages("the quality benchmark")
    from pose_track.benchmarks.quality.config import QualityConfig
    from pose_track.benchmarks.quality.figures import figures_json, markdown_tables
    from pose_track.benchmarks.quality.measure import describe_networks, measure_quality

    config, start = load_settings(QualityConfig, options.config), time.process_time()
    networks = describe_networks(config, overrides)
    figures = list(measure_quality(config, options.data, overrides))
    minutes = (time.process_time() - start) / 60
    label = " + ".join(f"{network['file']} {network['sha256'][:8]}" for network in networks.values())
    notes = [
        f"{stage}: {', '.join(f'{key} {value}' for key, value in network.items())}"
        for stage, network in networks.items()
    ]
    lines = [*markdown_tables(label, figures), "", *notes, f"measured in {minutes:.1f} minutes of processor time"]
    metrics = {"networks": networks, "options": overrides, "cpu_minutes": minutes, "figures": figures_json(figures)}
    return JobResult(lines, metrics)


JOB = Job("every figure of accuracy of a keypoint network and a detector", _add_options, _measure, takes_settings=True)
