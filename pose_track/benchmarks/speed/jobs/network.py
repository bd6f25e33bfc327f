"""benchmark.py network: a keypoint network run in each way there is, in people a second."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from pose_track.benchmarks.speed.jobs.job import Job, Measured, add_against, add_rounds, other_program


def _add_options(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--network", default="hrnet_w32", help="its form; the weights are random")
    add("--input_size", type=int, nargs=2, default=(192, 256), metavar=("W", "H"), help="of a crop, in pixels")
    add("--batch", type=int, default=4, help="people at once")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where it runs")
    add("--seconds", type=float, default=3.0, help="that each way runs in each round")
    add("--peak_tflops", type=float, help="what the machine can do at most in the precision used, from its data sheet")
    add_rounds(parser)
    add_against(parser, "people_per_second")


def _measure(options: Namespace, overrides: dict[str, str]) -> Measured:
    from pose_track.benchmarks.speed.network import Workload, network_speeds

    work = Workload(options.network, tuple(options.input_size), options.batch, options.device)
    theirs = other_program(options, "people_per_second")
    speeds = network_speeds(work, options.rounds, options.seconds, theirs, options.peak_tflops)
    each = {way: list(rates) for way, rates in speeds.people_per_second.items()}
    figures: dict[str, Any] = {"network": options.network, "input_size": work.input_size, "batch": work.batch}
    figures |= {"device": work.device, "gmacs": speeds.gmacs, "peak_tflops": speeds.peak_tflops}
    figures |= {"ways": speeds.summary(), "each": each, "left_out": dict(speeds.left_out), "threads": _threads()}
    return Measured(speeds.words(), figures)


def _threads() -> int:
    import torch

    return torch.get_num_threads()


JOB = Job("a keypoint network in each way to run it, in people a second", _add_options, _measure)
