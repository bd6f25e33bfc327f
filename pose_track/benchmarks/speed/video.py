"""How fast a video is tracked from end to end, how soon the first frame is out, and how another program does."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from pose_track.benchmarks.speed.subprocess_run import TRACK, TrackRun, run_tracking
from pose_track.benchmarks.speed.timing import command_figure, in_turns, take_turns
from pose_track.utils.cache_dir import VARIABLE

_TRACE = "profile.json"  # as the main job calls it
_IMPORT = "import time; a = time.perf_counter(); import pose_track; print('seconds:', time.perf_counter() - a)"


@dataclass(frozen=True)
class VideoSpeed:
    """cold: the first run, which found no compiled network; warm: those after it, round by round; theirs: frames a
    second of another program, in turn with them; import_seconds: of the package alone, round by round; profile: what
    `pose_track.utils.profiler.Profile.summary` says of one more run."""

    cold: TrackRun
    warm: Sequence[TrackRun]
    theirs: Sequence[float]
    import_seconds: Sequence[float]
    profile: Mapping[str, Any]

    def summary(self) -> dict[str, float]:
        """Medians; frames a second are those from the first record on, which are what the ratio is of."""
        running = median(run.frames_per_second_running for run in self.warm)
        found = {
            "frames": self.cold.frames,
            "frames_per_second": running,
            "frames_per_second_whole": median(run.frames_per_second for run in self.warm),
            "first_record_seconds": median(run.first_record for run in self.warm),
            "first_record_seconds_cold": self.cold.first_record,
            "import_seconds": median(self.import_seconds),
            "share_without_network": self.profile["share_without_network"],
            "share_of_other_stages": self.profile["share_of_other_stages"],
        }
        if self.theirs:
            found |= {"theirs": median(self.theirs), "ratio": running / median(self.theirs)}
        return found

    def words(self) -> list[str]:
        """The summary as lines to print."""
        found = self.summary()
        lines = [
            f"{self.cold.frames} frames: {found['frames_per_second']:.1f} a second from the first record on, "
            f"{found['frames_per_second_whole']:.1f} of the whole process",
            f"first record {found['first_record_seconds']:.2f} s after the start, "
            f"{found['first_record_seconds_cold']:.2f} s where no compiled network was kept; "
            f"import pose_track {found['import_seconds']:.3f} s",
            f"no network ran in {found['share_without_network']:.1%} of the time; stages that are no network took "
            f"{found['share_of_other_stages']:.1%} of it",
        ]
        if self.theirs:
            lines.append(f"theirs {found['theirs']:.1f} frames a second; ours is {found['ratio']:.2f} times as fast")
        return lines

    def figures(self) -> dict[str, Any]:
        """All of it as values for a JSON file."""
        each = {
            "cold": asdict(self.cold),
            "warm": [asdict(run) for run in self.warm],
            "theirs": list(self.theirs),
            "import_seconds": list(self.import_seconds),
        }
        return {**self.summary(), "each": each, "profile": dict(self.profile)}


def video_speed(
    words: Sequence[str],
    work: Path,
    rounds: int = 3,
    theirs: Callable[[], float] | None = None,
    command: Sequence[str] = TRACK,
) -> VideoSpeed:
    """Track a video again and again, each time in a new process, in turn with another program.

    words: the video, and options of the main job; work: an empty folder for results and compiled networks; theirs:
    gives another program's frames a second; command: what starts the main job. Raises ValueError where it fails.
    """
    folders = (work / f"run{number}" for number in range(rounds + 2))
    environment = {VARIABLE: str(work / "cache")}

    def run(*more: str) -> TrackRun:
        return run_tracking([*words, *more], next(folders), environment, command=command)

    cold = run()
    warm, other = take_turns(run, theirs, rounds)
    last = work / f"run{rounds + 1}"
    run("--profile")
    profile = json.loads((last / _TRACE).read_text(encoding="utf-8"))["otherData"]
    importing = shlex.join([sys.executable, "-c", _IMPORT])
    seconds = in_turns({"import": partial(command_figure, importing, "seconds")}, rounds)["import"]
    return VideoSpeed(cold, warm, other, seconds, profile)
