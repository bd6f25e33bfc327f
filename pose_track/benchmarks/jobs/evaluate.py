"""pose-track benchmark evaluate --gt DIR --pred DIR: processor time of reading and evaluating."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from pose_track.benchmarks.jobs.job import Job, JobResult, add_against, add_rounds, baseline_metric


def _add_options(parser: ArgumentParser) -> None:
    for name in ("--gt", "--pred"):
        parser.add_argument(name, required=True, help="as for pose-track evaluate")
    parser.add_argument(
        "--repeat", type=int, nargs="+", default=[], help="also evaluate sequences of N times the length"
    )
    add_rounds(parser)
    add_against(parser, "seconds")


def _measure(options: Namespace, overrides: dict[str, str]) -> JobResult:
    from pose_track.benchmarks.speed.evaluation import measure_evaluation, seconds_per_frame

    times = measure_evaluation(options.gt, options.pred, baseline_metric(options, "seconds"), options.rounds)
    per_frame = seconds_per_frame(options.gt, options.pred, options.repeat, options.rounds)
    longer = [f"sequences of {n} times the length: {1e3 * time:.3f} ms a frame" for n, time in per_frame.items()]
    rounds = {"cpu_seconds": [timing.cpu for timing in times.timings], "baseline": times.baseline}
    return JobResult([*times.lines(), *longer], {**times.summary(), "rounds": rounds, "seconds_per_frame": per_frame})


JOB = Job("speed of the PoseTrack evaluation, in seconds", _add_options, _measure)
