"""pose-track benchmark network: speed of a keypoint network with each backend, in people a second."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from pose_track.benchmarks.jobs.job import Job, JobResult, add_against, add_rounds, baseline_metric


def _add_options(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--network", default="hrnet_w32", help="architecture; the weights are random")
    add("--input_size", type=int, nargs=2, default=(192, 256), metavar=("W", "H"), help="size of a crop, in pixels")
    add("--batch", type=int, default=4, help="people in one call")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where it runs")
    add("--seconds", type=float, default=3.0, help="time for each backend in each round")
    add("--peak_tflops", type=float, help="highest rate of the machine in the precision used, from its data sheet")
    add("--compiled", action="store_true", help="also measure torch.compile, which takes minutes to compile")
    add_rounds(parser)
    add_against(parser, "people_per_second")


def _measure(options: Namespace, overrides: dict[str, str]) -> JobResult:
    from pose_track.benchmarks.speed.network import Workload, measure_network

    work = Workload(options.network, tuple(options.input_size), options.batch, options.device)
    baseline = baseline_metric(options, "people_per_second")
    speeds = measure_network(work, options.rounds, options.seconds, baseline, options.peak_tflops, options.compiled)
    metrics = {
        "network": options.network,
        "input_size": work.input_size,
        "batch": work.batch,
        "device": work.device,
        "gmacs": speeds.gmacs,
        "peak_tflops": speeds.peak_tflops,
        "backends": speeds.summary(),
        "precisions": dict(speeds.precisions),
        "rounds": {backend: list(rates) for backend, rates in speeds.people_per_second.items()},
        "skipped": dict(speeds.skipped),
        "threads": _num_threads(),
    }
    return JobResult(speeds.lines(), metrics)


def _num_threads() -> int:
    import torch

    return torch.get_num_threads()


JOB = Job("speed of a keypoint network with each backend, in people a second", _add_options, _measure)
