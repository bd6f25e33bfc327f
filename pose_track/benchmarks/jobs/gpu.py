"""pose-track benchmark gpu --out DIR: what a GPU does, in a few minutes."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict, replace
from pathlib import Path

from pose_track.benchmarks.jobs.job import Job, JobResult


def _add_options(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="gets gpu.json and gpu.md, new after each part")
    add("--minutes", type=float, default=8.0, help="the longest time; parts for which none is left are not measured")
    add("--device", choices=("cpu", "cuda"), default="cuda", help="where networks run")
    add("--trial", action="store_true", help="tiny networks and a short video, to try the command")


def _measure(options: Namespace, overrides: dict[str, str]) -> JobResult:
    from pose_track.benchmarks.speed.gpu import TRIAL, GpuPlan, measure_gpu, table
    from pose_track.utils.extras import require

    require("torch", purpose="a GPU")
    _check_device(options.device)
    plan = replace(TRIAL, device=options.device) if options.trial else GpuPlan(options.device)
    results = measure_gpu(plan, options.out, options.minutes)
    return JobResult(table(results), {"plan": asdict(plan), "parts": [asdict(result) for result in results]})


def _check_device(device: str) -> None:
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("PyTorch finds no CUDA device; try the command with --device cpu --trial")


JOB = Job("what a GPU does in a few minutes: networks, a video from end to end, memory, tests", _add_options, _measure)
