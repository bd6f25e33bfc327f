"""Whether the main job's memory stays what it is over a long video: its resident memory, looked at from outside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pose_track.benchmarks.speed.subprocess_run import TRACK, TrackRun, run_tracking
from pose_track.utils.atomic import atomic_path

_INTERVAL = 0.1  # seconds between two looks


class MemorySample(NamedTuple):
    """Resident memory in MB (10^6 bytes) when so many records were there; peak: the most until then."""

    records: int
    mb: float
    peak: float


@dataclass(frozen=True)
class MemoryUse:
    """Of a run: settled_after, so many frames after which memory is to stay what it is; looks, in order of time."""

    run: TrackRun
    settled_after: int
    samples: Sequence[MemorySample] = field(repr=False)

    @property
    def settled_mb(self) -> float:
        """At the first look at which `settled_after` records were there.

        >>> looks = [Look(0, 10.0, 10.0), Look(9, 30.0, 40.0), Look(19, 20.0, 40.0), Look(20, 5.0, 40.0)]
        >>> use = MemoryUse(TrackRun(1.0, 0.5, 20), 8, looks)
        >>> use.settled_mb, use.end_mb
        (30.0, 20.0)
        """
        return next((sample.mb for sample in self.samples if sample.records >= self.settled_after), self.samples[-1].mb)

    @property
    def end_mb(self) -> float:
        """At the last look before the last record, after which the process begins to give back what it has."""
        return [sample.mb for sample in self.samples if sample.records < self.run.frames][-1]

    def summary(self) -> dict[str, float]:
        """MB when settled and at the end, how much that is more, and the most there ever was."""
        return {
            "frames": self.run.frames,
            "settled_after": self.settled_after,
            "settled_mb": self.settled_mb,
            "end_mb": self.end_mb,
            "growth_mb": self.end_mb - self.settled_mb,
            "peak_mb": max(sample.peak for sample in self.samples),
            "frames_per_second": self.run.frames_per_second,
        }

    def words(self) -> list[str]:
        """The summary as a line to print."""
        found = self.summary()
        return [
            f"{found['settled_mb']:.0f} MB after {self.settled_after:,} frames, {found['end_mb']:.0f} MB after "
            f"{self.run.frames:,}: {found['growth_mb']:+.0f} MB; {found['peak_mb']:.0f} MB at most; "
            f"{found['frames_per_second']:.1f} frames a second"
        ]

    def figures(self) -> dict[str, Any]:
        """All of it as values for a JSON file."""
        return {**self.summary(), "run": asdict(self.run), "samples": [sample._asdict() for sample in self.samples]}


def memory_use(words: Sequence[str], out: Path, settled_after: int = 1000, command: Sequence[str] = TRACK) -> MemoryUse:
    """Track a video in a process of its own and look at its memory ten times a second.

    words: the video, and options of the main job; out: an empty folder for its results. Raises ValueError where it
    fails, or where the system does not tell a process's memory as Linux does.
    """
    if not Path("/proc/self/status").exists():
        raise ValueError("the memory of another process can be told on Linux only, from /proc; measure there")
    samples: list[MemorySample] = []

    def sample(pid: int, records: int) -> None:
        found = resident_mb(pid)
        if found is not None:
            samples.append(MemorySample(records, *found))

    run = run_tracking(words, out, watch=sample, interval=_INTERVAL, command=command)
    return MemoryUse(run, settled_after, samples)


def resident_mb(pid: int) -> tuple[float, float] | None:
    """A process's resident memory now and the most it ever had, in MB; None where it has ended. On Linux."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    kib = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB$", status, re.MULTILINE))
    if len(kib) < 2:  # it has ended, and nobody has asked for its code yet
        return None
    return 1.024e-3 * int(kib["VmRSS"]), 1.024e-3 * int(kib["VmHWM"])


def plot_memory(use: MemoryUse, path: Path) -> None:
    """A PNG with the memory over the number of frames. Raises OSError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # its import takes half a second
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(
        [sample.records for sample in use.samples], [sample.mb for sample in use.samples], color="black", linewidth=1
    )
    axes.axvline(use.settled_after, color="grey", linestyle=":", label=f"{use.settled_after:,} frames")
    axes.set(xlabel="frames done", ylabel="resident memory (MB)", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    with atomic_path(path) as unfinished:
        figure.savefig(unfinished, dpi=150, format="png")
