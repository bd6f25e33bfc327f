"""Speed of `pose-track track` from end to end and time to the first frame, optionally compared with another program."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from pose_track.benchmarks.speed.subprocess_run import TRACK, TrackRun, run_tracking
from pose_track.benchmarks.speed.timing import compare_interleaved, read_metric, run_interleaved
from pose_track.pipeline.result_folder import TRACKS_FILE
from pose_track.utils.cache_dir import VARIABLE

_PROFILE_FILE = "profile.json"  # written by --profile
_IMPORT = "import time; a = time.perf_counter(); import pose_track; print('seconds:', time.perf_counter() - a)"


@dataclass(frozen=True)
class VideoSpeed:
    """All measurements.

    cold: the first run, without compiled networks in the cache.
    warm: the runs after it, one a round.
    baseline: frames a second of the other program, one a round; empty without one.
    import_seconds: times of `import pose_track`, one a round.
    profile: `pose_track.utils.profiler.Profile.summary` of one more run.
    precisions: type that each network calculated in, by stage.
    """

    cold: TrackRun
    warm: Sequence[TrackRun]
    baseline: Sequence[float]
    import_seconds: Sequence[float]
    profile: Mapping[str, Any]
    precisions: Mapping[str, str] = field(default_factory=dict)

    def summary(self) -> dict[str, float]:
        """Medians. frames_per_second counts from the first record on; the speedup compares it with the baseline."""
        running = median(run.frames_per_second_running for run in self.warm)
        summary = {
            "frames": self.cold.frames,
            "frames_per_second": running,
            "frames_per_second_whole": median(run.frames_per_second for run in self.warm),
            "first_record_seconds": median(run.first_record for run in self.warm),
            "first_record_seconds_cold": self.cold.first_record,
            "import_seconds": median(self.import_seconds),
            "share_without_network": self.profile["share_without_network"],
            "share_of_other_stages": self.profile["share_of_other_stages"],
        }
        if self.baseline:
            summary |= {"baseline": median(self.baseline), "speedup": running / median(self.baseline)}
        return summary

    def lines(self) -> list[str]:
        """The summary as lines to print."""
        summary = self.summary()
        lines = [
            f"{self.cold.frames} frames: {summary['frames_per_second']:.1f} a second from the first record on, "
            f"{summary['frames_per_second_whole']:.1f} for the whole process",
            f"first record after {summary['first_record_seconds']:.2f} s, "
            f"{summary['first_record_seconds_cold']:.2f} s without compiled networks; "
            f"import pose_track {summary['import_seconds']:.3f} s",
            f"{summary['share_without_network']:.1%} of the time no network ran; stages other than networks took "
            f"{summary['share_of_other_stages']:.1%}",
        ]
        if self.precisions:
            lines.append("precision: " + ", ".join(f"{stage} {name}" for stage, name in self.precisions.items()))
        if self.baseline:
            lines.append(f"baseline {summary['baseline']:.1f} frames a second; speedup {summary['speedup']:.2f}")
        return lines

    def metrics(self) -> dict[str, Any]:
        """Summary, rounds and profile as values for a JSON file."""
        rounds = {
            "cold": asdict(self.cold),
            "warm": [asdict(run) for run in self.warm],
            "baseline": list(self.baseline),
            "import_seconds": list(self.import_seconds),
        }
        return {**self.summary(), "rounds": rounds, "precisions": dict(self.precisions), "profile": dict(self.profile)}


def measure_video(
    arguments: Sequence[str],
    work: Path,
    rounds: int = 3,
    baseline: Callable[[], float] | None = None,
    command: Sequence[str] = TRACK,
) -> VideoSpeed:
    """Track a video several times, each time in a new process, in turn with a baseline.

    arguments: the video and options of `pose-track track`.
    work: an empty folder for results and compiled networks.
    baseline: runs another program and returns its frames a second.
    command: starts `pose-track track`.

    Raises ValueError where a run fails.
    """
    folders = (work / f"run{number}" for number in range(rounds + 2))
    environment = {VARIABLE: str(work / "cache")}

    def run(*more: str) -> TrackRun:
        return run_tracking([*arguments, *more], next(folders), environment, command=command)

    cold = run()
    warm, baseline_rates = compare_interleaved(run, baseline, rounds)
    run("--profile")
    profile_file = work / f"run{rounds + 1}" / _PROFILE_FILE
    profile = json.loads(profile_file.read_text(encoding="utf-8"))["otherData"]
    import_command = shlex.join([sys.executable, "-c", _IMPORT])
    seconds = run_interleaved({"import": partial(read_metric, import_command, "seconds")}, rounds)["import"]
    return VideoSpeed(cold, warm, baseline_rates, seconds, profile, _precisions(work / "run0"))


def _precisions(out: Path) -> dict[str, str]:
    """The precision of each network, by stage, from the header of the tracks."""
    with next(out.glob(f"*/{TRACKS_FILE}")).open(encoding="utf-8") as file:
        header = json.loads(file.readline())
    return {stage: used["precision"] for stage, used in header.get("weights", {}).items() if "precision" in used}
