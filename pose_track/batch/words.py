"""How a batch stands, in lines of text."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tqdm import tqdm

from pose_track.batch.state import BatchState, WorkerState


def batch_line(state: BatchState) -> str:
    """The batch in one line.

    >>> state = BatchState(20, 20.0, 100.0, 160.0, done=10, failed=1, frames=1200, people=2400, new_weight=10.0)
    >>> state.settled_weight = 11.0
    >>> batch_line(state)
    '11/20 videos, 1 failed, 1,200 frames, 2.0 people a frame, 20.0 fps, 00:54 left'
    """
    counts = {"failed": state.failed, "damaged": state.damaged, "skipped": state.skipped, "changed": state.changed}
    parts = [f"{state.settled:,}/{state.total:,} videos"]
    parts += [f"{count:,} {name}" for name, count in counts.items() if count]
    if state.waiting:
        parts.append(f"{state.waiting:,} in the hands of another batch")
    if state.frames:
        parts += [f"{state.frames:,} frames", f"{state.people / state.frames:.1f} people a frame"]
    if state.fps:
        parts.append(f"{state.fps:.1f} fps")
    if state.seconds_left is not None and state.settled < state.total:
        parts.append(f"{tqdm.format_interval(state.seconds_left)} left")
    return ", ".join(parts)


def worker_line(name: str, worker: WorkerState, now: float) -> str:
    """A worker in one line.

    >>> from pose_track.batch.task import Progress
    >>> worker_line("2", WorkerState("a/clip", 100.0, Progress(30, 60)), 110.0)
    'worker 2: a/clip, 30 frames, 2.0 people a frame, 3.0 fps, for 00:10'
    """
    progress = worker.progress
    parts = [f"worker {name}: {worker.video}"]
    if progress.frames:
        parts += [f"{progress.frames:,} frames", f"{progress.people / progress.frames:.1f} people a frame"]
        parts.append(f"{worker.fps(now):.1f} fps")
    return ", ".join([*parts, f"for {tqdm.format_interval(now - worker.began)}"])


def worker_lines(state: BatchState) -> Iterator[str]:
    """A line for each worker that has a video."""
    for name, worker in sorted(state.workers.items()):
        yield worker_line(name, worker, time.time())
