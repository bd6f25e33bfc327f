"""How many workers suit this machine: a video is tracked for some seconds by one, two, four and more of them."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from pose_track.batch.driver import Video
from pose_track.batch.executor import Executor
from pose_track.batch.local import open_local
from pose_track.batch.recipe import Recipe
from pose_track.batch.results import control_folder
from pose_track.batch.task import Task, WorkerSetup
from pose_track.batch.track_handler import TrackTask
from pose_track.utils.machine import available_bytes, usable_cores

_WARMUP_FRAMES, _FRAMES = 8, 64
_MAX_SECONDS = 60.0  # for each of these
_GAIN = 1.05  # more workers have to be that much faster

logger = logging.getLogger(__name__)


def measure_workers(
    setup: WorkerSetup, video: Video, out: Path, options: Mapping[str, str], check: Callable[[], None]
) -> int:
    """The number of local workers that track a video fastest, all copies of it together; the least of those that are
    about equal. It is 1 where the video cannot be tracked.

    setup, options: of the executor `local`. out: the folder of the batch, in which a temporary one is made. check:
    called several times a second; an error from it ends the measurement.
    """
    folder = control_folder(out) / f"measure-{time.time_ns()}"
    arguments = {**setup.arguments, "out": str(folder), "results": None}
    setup = replace(setup, arguments=arguments, limits=replace(setup.limits, seconds=_MAX_SECONDS))
    best, best_fps = 1, 0.0
    try:
        for workers in _candidates(usable_cores()):
            executor = open_local(setup, workers, options)
            try:
                fps = _measure(executor, workers, video, check)
            finally:
                executor.stop()
            logger.info("%d workers: %.1f frames a second", workers, fps)
            if fps <= best_fps * _GAIN:
                break
            best, best_fps = workers, fps
            if not _has_memory(getattr(executor, "peak_bytes", 0), 2 * workers):
                break
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return best


def _candidates(cores: int) -> Iterator[int]:
    """
    >>> list(_candidates(6))
    [1, 2, 4, 6]
    """
    workers = 1
    while workers < cores:
        yield workers
        workers *= 2
    yield cores


def _has_memory(peak_bytes: int, workers: int) -> bool:
    available = available_bytes()
    return available is None or peak_bytes * workers < available


def _measure(executor: Executor, workers: int, video: Video, check: Callable[[], None]) -> float:
    """Frames a second of all workers, each of which tracks the start of the video, once its networks are loaded."""
    _run(executor, workers, video, _WARMUP_FRAMES, check)
    started = time.monotonic()
    frames = _run(executor, workers, video, _FRAMES, check)
    return frames / (time.monotonic() - started)


def _run(executor: Executor, workers: int, video: Video, frames: int, check: Callable[[], None]) -> int:
    """Track so many frames in each worker; returns how many there were in all."""
    recipe = Recipe(_limited(video.recipe.settings, frames), video.recipe.weights)
    work = msgspec.to_builtins(TrackTask(video.source, recipe))
    for number in range(workers):
        executor.submit(Task(f"{frames}-{number}", work))
    left, total = workers, 0
    while left:
        check()
        for report in executor.poll(0.2):
            if report.outcome is not None:
                left -= 1
                total += int(report.outcome.result.get("frames", 0))
    return total


def _limited(settings: Mapping[str, Any], frames: int) -> dict[str, Any]:
    """Settings that end a video after so many frames."""
    most = settings["reader"]["max_frames"]
    return {**settings, "reader": {**settings["reader"], "max_frames": min(frames, most or frames)}}
