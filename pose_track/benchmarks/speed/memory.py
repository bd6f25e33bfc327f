"""Resident memory of `pose-track track` over a long video, sampled from outside its process."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pose_track.benchmarks.speed.subprocess_run import TRACK, TrackRun, run_tracking
from pose_track.utils.atomic import atomic_path
from pose_track.utils.extras import require

_INTERVAL = 0.1  # seconds between two samples


class MemorySample(NamedTuple):
    """One sample. frames: records on disk; mb: resident memory in MB (10^6 bytes); peak_mb: the highest so far."""

    frames: int
    mb: float
    peak_mb: float


@dataclass(frozen=True)
class MemoryUse:
    """Memory of one run. warmup_frames: frames after which memory should stay constant; samples: in order of time."""

    run: TrackRun
    warmup_frames: int
    samples: Sequence[MemorySample] = field(repr=False)

    @property
    def warmup_mb(self) -> float:
        """Memory at the first sample with `warmup_frames` frames done.

        >>> rows = [(0, 10.0, 10.0), (9, 30.0, 40.0), (19, 20.0, 40.0), (20, 5.0, 40.0)]
        >>> use = MemoryUse(TrackRun(1.0, 0.5, 20), 8, [MemorySample(*row) for row in rows])
        >>> use.warmup_mb, use.end_mb
        (30.0, 20.0)
        """
        return next((sample.mb for sample in self.samples if sample.frames >= self.warmup_frames), self.samples[-1].mb)

    @property
    def end_mb(self) -> float:
        """Memory at the last sample before the last record; after that the process releases its memory."""
        return [sample.mb for sample in self.samples if sample.frames < self.run.frames][-1]

    def summary(self) -> dict[str, float]:
        """Memory after warm-up and at the end, the difference, and the peak, in MB."""
        return {
            "frames": self.run.frames,
            "warmup_frames": self.warmup_frames,
            "warmup_mb": self.warmup_mb,
            "end_mb": self.end_mb,
            "growth_mb": self.end_mb - self.warmup_mb,
            "peak_mb": max(sample.peak_mb for sample in self.samples),
            "frames_per_second": self.run.frames_per_second,
        }

    def lines(self) -> list[str]:
        """The summary as lines to print."""
        summary = self.summary()
        return [
            f"{summary['warmup_mb']:.0f} MB after {self.warmup_frames:,} frames, {summary['end_mb']:.0f} MB after "
            f"{self.run.frames:,}: {summary['growth_mb']:+.0f} MB; {summary['peak_mb']:.0f} MB at most; "
            f"{summary['frames_per_second']:.1f} frames a second"
        ]

    def metrics(self) -> dict[str, Any]:
        """Summary, run and samples as values for a JSON file."""
        return {**self.summary(), "run": asdict(self.run), "samples": [sample._asdict() for sample in self.samples]}


def measure_memory(
    arguments: Sequence[str], out: Path, warmup_frames: int = 1000, command: Sequence[str] = TRACK
) -> MemoryUse:
    """Track a video in a process of its own and sample its memory ten times a second.

    arguments: the video and options of `pose-track track`.
    out: an empty folder for its results.

    Raises ValueError where the run fails, and on a system without /proc.
    """
    if not Path("/proc/self/status").exists():
        raise ValueError("the memory of another process can be read on Linux only, from /proc; measure there")
    samples: list[MemorySample] = []

    def sample(pid: int, frames: int) -> None:
        memory = resident_mb(pid)
        if memory is not None:
            samples.append(MemorySample(frames, *memory))

    run = run_tracking(arguments, out, watch=sample, interval=_INTERVAL, command=command)
    return MemoryUse(run, warmup_frames, samples)


def resident_mb(pid: int) -> tuple[float, float] | None:
    """Resident memory of a process now and its peak, in MB; None where the process has ended. Linux only."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    kib = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB$", status, re.MULTILINE))
    if len(kib) < 2:  # a zombie: it has ended, and its exit code is not yet collected
        return None
    return 1.024e-3 * int(kib["VmRSS"]), 1.024e-3 * int(kib["VmHWM"])


def plot_memory(use: MemoryUse, path: Path) -> None:
    """Write a PNG of the memory over the number of frames. Raises OSError, or ImportError without matplotlib."""
    require("matplotlib", purpose="--plot")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    frames, mb = [sample.frames for sample in use.samples], [sample.mb for sample in use.samples]
    axes.plot(frames, mb, color="black", linewidth=1)
    axes.axvline(use.warmup_frames, color="grey", linestyle=":", label=f"{use.warmup_frames:,} frames")
    axes.set(xlabel="frames done", ylabel="resident memory (MB)", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    with atomic_path(path) as unfinished:
        figure.savefig(unfinished, dpi=150, format="png")
