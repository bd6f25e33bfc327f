"""How long linking alone takes, by the number of people, and whether its memory stays what it is: on made crowds."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.benchmarks.speed.synthetic_people import FPS, SyntheticPeople
from pose_track.config.load import load_settings, track_preset_path
from pose_track.config.tracker import LinkSettings, TrackerSettings
from pose_track.linking.poses import link_poses
from pose_track.structures.frames import IntArray, Poses
from pose_track.tracking.tracker import FrameTime

TARGETS_MS = {10: 1.0, 100: 5.0}  # so many people: less than so long
WARM_UP = 75  # frames that do not count: after them a tracker remembers as many people as it ever will
_SOAK_PEOPLE = 5


@dataclass(frozen=True)
class CrowdSpeed:
    """Linking a frame of so many people: the median and the 95th percentile over frames of its processor time in ms.
    came: how many people there were in all; ids: how many the tracker took them for."""

    people: int
    ms: float
    ms_95: float
    came: int
    ids: int


@dataclass(frozen=True)
class LinkSpeed:
    """Of one preset, by rising number of people."""

    preset: str
    crowds: tuple[CrowdSpeed, ...]

    @property
    def growth(self) -> float:
        """The power of the number of people that the time goes with, between the two largest crowds; NaN of one.

        >>> LinkSpeed("robust", (CrowdSpeed(10, 2.0, 3.0, 10, 10), CrowdSpeed(20, 8.0, 9.0, 20, 20))).growth
        2.0
        """
        if len(self.crowds) < 2:
            return math.nan
        few, many = self.crowds[-2:]
        return math.log(many.ms / few.ms) / math.log(many.people / few.people)


@dataclass(frozen=True)
class Soak:
    """Resident memory in MiB after so many frames of few people who come and go, linked with a preset."""

    preset: str
    frames: tuple[int, ...]
    mib: tuple[float, ...]

    def words(self) -> str:
        """In a line.

        >>> Soak("robust", (10, 20), (50.0, 50.5)).words()
        'memory with robust: 50.0 MiB after 10 frames, 50.5 MiB after 20: +0.5 MiB'
        """
        each = [f"{mib:.1f} MiB after {number:,}" for number, mib in zip(self.frames, self.mib, strict=True)]
        return f"memory with {self.preset}: {each[0]} frames, {each[-1]}: {self.mib[-1] - self.mib[0]:+.1f} MiB"


def link_speed(preset: str, people: Sequence[int], num_frames: int, rounds: int = 1) -> LinkSpeed:
    """Link made crowds with a tracker's preset, without pictures; the frames of all rounds count alike.

    people: how many in each crowd; num_frames: that are measured, after WARM_UP others. Raises ValueError for an
    unknown preset, and for a number below 1.
    """
    for name, number in {"people": min(people), "frames": num_frames, "rounds": rounds}.items():
        if number < 1:
            raise ValueError(f"{name} must be 1 or more, got {number!r}")
    tracker = load_settings(LinkSettings, track_preset_path(preset)).tracker
    return LinkSpeed(preset, tuple(_crowd_speed(tracker, number, num_frames, rounds) for number in sorted(set(people))))


def _crowd_speed(tracker: TrackerSettings, people: int, num_frames: int, rounds: int) -> CrowdSpeed:
    walkers = SyntheticPeople(people)
    frames = list(walkers.frames(WARM_UP + num_frames))  # made before any time is taken
    seconds, ids = [], np.zeros(0, np.int64)
    for _ in range(rounds):
        found = list(_timed(frames, tracker))
        seconds += [spent for spent, _ in found[WARM_UP:]]
        ids = np.concatenate([frame_ids for _, frame_ids in found])
    ms, ms_95 = 1000 * np.percentile(seconds, [50, 95])
    return CrowdSpeed(people, float(ms), float(ms_95), walkers.num_came, len(np.unique(ids[ids > 0])))


def _timed(frames: Sequence[tuple[FrameTime, Poses]], tracker: TrackerSettings) -> Iterator[tuple[float, IntArray]]:
    """The ids of each frame and the processor time, in seconds, until they were there."""
    linked = link_poses(frames, tracker, FPS)
    for _ in frames:
        started = time.process_time()
        ids = next(linked)
        yield time.process_time() - started, ids


def soak(preset: str, num_frames: int, num_points: int = 10) -> Soak:
    """Link a long video of few people, made as it goes, and look at the memory `num_points` times, the last time at the
    end."""
    if num_frames < num_points:
        raise ValueError(f"a soak must have {num_points} frames or more, got {num_frames!r}")
    tracker = load_settings(LinkSettings, track_preset_path(preset)).tracker
    appearance = [num_frames * (n + 1) // num_points for n in range(num_points)]
    seen: list[float] = []
    for number, _ in enumerate(link_poses(SyntheticPeople(_SOAK_PEOPLE).frames(num_frames), tracker, FPS), 1):
        if number == appearance[len(seen)]:
            seen.append(resident_mib())
    return Soak(preset, tuple(appearance), tuple(seen))


def resident_mib() -> float:
    """Memory that this process has now, after garbage was collected; where the system does not tell that, the most it
    ever had; NaN where it tells neither."""
    gc.collect()
    try:
        import resource  # not on Windows
    except ImportError:
        return math.nan
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize() / 2**20
    except FileNotFoundError:  # macOS, in bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def speed_table(speeds: Sequence[LinkSpeed]) -> str:
    """ms a frame, median and 95th percentile: a line a crowd, a column a preset, targets beside; then the growth."""
    lines = [f"{'people':<8}" + "".join(f"{speed.preset:>22}" for speed in speeds) + f"{'target':>10}"]
    for row in zip(*(speed.crowds for speed in speeds), strict=True):
        target = TARGETS_MS.get(row[0].people)
        cells = "".join(f"{crowd.ms:>12.2f}{f'({crowd.ms_95:.2f})':>10}" for crowd in row)
        lines.append(f"{row[0].people:<8}{cells}{'' if target is None else f'< {target:g}':>10}".rstrip())
    lines.append(f"{'growth':<8}" + "".join(f"{speed.growth:>12.2f}{'':>10}" for speed in speeds).rstrip())
    return "\n".join(lines)


def speed_json(speeds: Sequence[LinkSpeed], memory: Soak) -> dict[str, Any]:
    """The same as values for a JSON file."""
    return {
        "presets": {speed.preset: {**asdict(speed), "growth": _defined(speed.growth)} for speed in speeds},
        "targets_ms": {str(people): ms for people, ms in TARGETS_MS.items()},
        "soak": {**asdict(memory), "mib": [_defined(mib) for mib in memory.mib]},
    }


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
