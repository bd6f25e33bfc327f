"""Measurements one after the other, each in a process of its own, that end in time and keep what is finished."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import mean
from tempfile import TemporaryFile
from typing import Any, NamedTuple

_QUERY = ("nvidia-smi", "--query-gpu=memory.used,utilization.gpu", "--format=csv,noheader,nounits")
_SAMPLE_SECONDS = 0.5


class Part(NamedTuple):
    """One measurement.

    name: of it. command: what to run. seconds: it is not started with less time than this. read: its figures, once the
    command has ended; raises OSError or ValueError where there are none.
    """

    name: str
    command: Sequence[str]
    seconds: float
    read: Callable[[], dict[str, Any]]


@dataclass
class PartResult:
    """How a part ended.

    state: "done", "failed", or "no time". reason: why not done. seconds: that it took. figures: what it measured.
    gpu: `gpu_peak_mb`, the most memory in use on the first NVIDIA GPU, by whatever process, and `gpu_busy`, the mean
    share of time with any kernel running on it, while the part ran; empty without such a GPU.
    """

    name: str
    state: str
    reason: str = ""
    seconds: float = 0.0
    figures: dict[str, Any] = field(default_factory=dict)
    gpu: dict[str, float] = field(default_factory=dict)


def run_parts(
    parts: Sequence[Part], seconds: float, report: Callable[[Sequence[PartResult]], object]
) -> list[PartResult]:
    """Run the parts in their order for `seconds` at most.

    A part that is still running then is killed, with all that it started. Later ones that need more time than is left
    are not started. One that fails does not concern the others. report: called with all results so far after each part.
    """
    end = time.monotonic() + seconds
    results: list[PartResult] = []
    for part in parts:
        results.append(_run_part(part, end - time.monotonic()))
        report(results)
    return results


def _run_part(part: Part, left: float) -> PartResult:
    if left < part.seconds:
        return PartResult(part.name, "no time", f"needs {part.seconds:.0f} s")
    started = time.monotonic()
    with _watched_gpu() as gpu:
        failure = _run_command(part.command, left)
    result = PartResult(part.name, "failed" if failure else "done", failure, time.monotonic() - started, gpu=gpu)
    if not failure:
        try:
            result.figures = part.read()
        except (OSError, ValueError) as error:
            result.state, result.reason = "failed", f"no result: {error}"
    return result


def _run_command(command: Sequence[str], limit: float) -> str:
    """Run a command and say why it failed: its last line, or that it took too long; "" where it did not."""
    with TemporaryFile("w+b") as output:
        try:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        except OSError as error:
            return str(error)
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            return f"stopped after {limit:.0f} s, at the end of the time"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # its own group, so that its children end too
                process.wait()
        output.seek(0)
        lines = [line.strip() for line in output.read().decode(errors="replace").splitlines() if line.strip()]
    return "" if code == 0 else f"ended with code {code}: {lines[-1] if lines else 'it printed nothing'}"


@contextmanager
def _watched_gpu() -> Iterator[dict[str, float]]:
    """A dictionary that gets the `PartResult.gpu` of the block at its end."""
    samples: list[tuple[float, float]] = []
    ended, figures = threading.Event(), dict[str, float]()

    def watch() -> None:
        while (sample := _gpu_sample()) is not None:
            samples.append(sample)
            if ended.wait(_SAMPLE_SECONDS):
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield figures
    finally:
        ended.set()
        thread.join()
        if samples:
            memory, busy = zip(*samples, strict=True)
            figures |= {"gpu_peak_mb": max(memory), "gpu_busy": mean(busy)}


def _gpu_sample() -> tuple[float, float] | None:
    """Memory in use in MB of 10^6 bytes and share of time in use of the first NVIDIA GPU; None without one."""
    try:
        done = subprocess.run(_QUERY, capture_output=True, text=True, check=True, timeout=10)
        memory, busy = done.stdout.splitlines()[0].split(",")
        return float(memory) * 2**20 / 1e6, float(busy) / 100
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return None
