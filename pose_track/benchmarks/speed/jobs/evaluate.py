"""benchmark.py evaluate --gt DIR --pred DIR: reading and all figures of the evaluation, in processor time."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from pose_track.benchmarks.speed.jobs.job import Job, Measured, add_against, add_rounds, other_program


def _add_options(parser: ArgumentParser) -> None:
    for name in ("--gt", "--pred"):
        parser.add_argument(name, required=True, help="as of tools/evaluate.py")
    parser.add_argument("--repeat", type=int, nargs="+", default=[], help="also with sequences so many times as long")
    add_rounds(parser)
    add_against(parser, "seconds")


def _measure(options: Namespace, overrides: dict[str, str]) -> Measured:
    from pose_track.benchmarks.speed.evaluation import frame_times, measure_evaluation

    times = measure_evaluation(options.gt, options.pred, other_program(options, "seconds"), options.rounds)
    per_frame = frame_times(options.gt, options.pred, options.repeat, options.rounds)
    longer = [f"sequences {n} times as long: {1e3 * time:.3f} ms a frame to evaluate" for n, time in per_frame.items()]
    each = {"ours": [time.processor for time in times.ours], "theirs": times.theirs}
    return Measured([*times.words(), *longer], {**times.summary(), "each": each, "seconds_per_frame": per_frame})


JOB = Job("reading and evaluating, in seconds", _add_options, _measure)
