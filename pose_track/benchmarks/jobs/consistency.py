"""pose-track benchmark consistency VIDEO_OR_RESULT ...: how often left and right change sides, or lie in one place."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pose_track.benchmarks.jobs.job import Job, JobResult


def _add_options(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("paths", nargs="+", type=Path, metavar="PATH", help="a video, a folder of results, or a tracks.jsonl")
    add("--preset", default="fast", help="settings by which videos are tracked; any --section.name VALUE may follow")


def _measure(options: Namespace, overrides: dict[str, str]) -> JobResult:
    from pose_track.benchmarks.consistency import consistency_metrics, consistency_table, measure_consistency
    from pose_track.config.load import load_settings, preset_path
    from pose_track.config.settings import Settings

    settings = load_settings(Settings, preset_path(options.preset), overrides)
    results = measure_consistency(options.paths, settings)
    conditions = {"preset": options.preset, "options": overrides}
    return JobResult(consistency_table(results), {"videos": consistency_metrics(results), **conditions})


JOB = Job("how often left and right change sides in videos, without ground truth", _add_options, _measure, True)
