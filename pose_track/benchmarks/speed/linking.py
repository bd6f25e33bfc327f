"""Speed of linking by the number of people, and its memory over a long video, on synthetic people."""

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
from pose_track.structures.arrays import IntArray
from pose_track.structures.frames import Poses
from pose_track.tracking.linker import FrameTime

TARGETS_MS = {10: 1.0, 100: 5.0}
"""Number of people -> highest median time of a frame aimed at, in milliseconds."""

WARM_UP = 75  # frames that are not measured; after them the tracker's buffer is full
_SOAK_PEOPLE = 5


@dataclass(frozen=True)
class LinkTime:
    """CPU time to link one frame, by the number of people.

    people: people present at a time.
    ms, ms_95: median and 95th percentile over the frames, in milliseconds.
    num_identities: different people in all frames.
    num_ids: different track ids assigned.
    """

    people: int
    ms: float
    ms_95: float
    num_identities: int
    num_ids: int


@dataclass(frozen=True)
class PresetLinkTimes:
    """Link times with one tracker preset, by rising number of people."""

    preset: str
    times: tuple[LinkTime, ...]

    @property
    def growth(self) -> float:
        """Exponent of the growth of time with the number of people, between the two largest numbers.

        NaN for a single number.

        >>> PresetLinkTimes("robust", (LinkTime(10, 2.0, 3.0, 10, 10), LinkTime(20, 8.0, 9.0, 20, 20))).growth
        2.0
        """
        if len(self.times) < 2:
            return math.nan
        fewer, more = self.times[-2:]
        return math.log(more.ms / fewer.ms) / math.log(more.people / fewer.people)


@dataclass(frozen=True)
class LinkMemory:
    """Memory while one long video is linked. frames: numbers of frames done; mib: resident memory then, in MiB."""

    preset: str
    frames: tuple[int, ...]
    mib: tuple[float, ...]

    def line(self) -> str:
        """One line to print.

        >>> LinkMemory("robust", (10, 20), (50.0, 50.5)).line()
        'memory with robust: 50.0 MiB after 10 frames, 50.5 MiB after 20: +0.5 MiB'
        """
        points = [f"{mib:.1f} MiB after {number:,}" for number, mib in zip(self.frames, self.mib, strict=True)]
        return f"memory with {self.preset}: {points[0]} frames, {points[-1]}: {self.mib[-1] - self.mib[0]:+.1f} MiB"


def measure_linking(preset: str, people: Sequence[int], num_frames: int, rounds: int = 1) -> PresetLinkTimes:
    """Link synthetic people with a tracker preset, without images.

    people: numbers of people to measure with.
    num_frames: frames measured in each round, after WARM_UP frames. The frames of all rounds are pooled.

    Raises ValueError for an unknown preset, and for a number below 1.
    """
    for name, number in {"people": min(people), "frames": num_frames, "rounds": rounds}.items():
        if number < 1:
            raise ValueError(f"{name} must be 1 or more, got {number!r}")
    tracker = load_settings(LinkSettings, track_preset_path(preset)).tracker
    times = (_link_time(tracker, number, num_frames, rounds) for number in sorted(set(people)))
    return PresetLinkTimes(preset, tuple(times))


def _link_time(tracker: TrackerSettings, num_people: int, num_frames: int, rounds: int) -> LinkTime:
    people = SyntheticPeople(num_people)
    frames = list(people.frames(WARM_UP + num_frames))  # before any time is taken
    seconds, ids = [], np.zeros(0, np.int64)
    for _ in range(rounds):
        linked = list(_timed_links(frames, tracker))
        seconds += [frame_seconds for frame_seconds, _ in linked[WARM_UP:]]
        ids = np.concatenate([frame_ids for _, frame_ids in linked])
    ms, ms_95 = 1000 * np.percentile(seconds, [50, 95])
    return LinkTime(num_people, float(ms), float(ms_95), people.num_identities, len(np.unique(ids[ids > 0])))


def _timed_links(
    frames: Sequence[tuple[FrameTime, Poses]], tracker: TrackerSettings
) -> Iterator[tuple[float, IntArray]]:
    """For each frame the CPU seconds of linking it, and its track ids."""
    linked = link_poses(frames, tracker, FPS)
    for _ in frames:
        started = time.process_time()
        ids = next(linked)
        yield time.process_time() - started, ids


def measure_link_memory(preset: str, num_frames: int, num_points: int = 10) -> LinkMemory:
    """Link a long video of a few synthetic people, and read the memory at `num_points` evenly spaced frames.

    The last point is the last frame. Raises ValueError for fewer frames than points.
    """
    if num_frames < num_points:
        raise ValueError(f"the memory measurement needs {num_points} frames or more, got {num_frames!r}")
    tracker = load_settings(LinkSettings, track_preset_path(preset)).tracker
    points = [num_frames * (n + 1) // num_points for n in range(num_points)]
    mib: list[float] = []
    for number, _ in enumerate(link_poses(SyntheticPeople(_SOAK_PEOPLE).frames(num_frames), tracker, FPS), 1):
        if number == points[len(mib)]:
            mib.append(resident_mib())
    return LinkMemory(preset, tuple(points), tuple(mib))


def resident_mib() -> float:
    """Resident memory of this process in MiB, after garbage collection.

    The highest so far where the system has no /proc; NaN where it reports neither.
    """
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


def link_time_table(presets: Sequence[PresetLinkTimes]) -> str:
    """Milliseconds a frame, median (95th percentile): one row a number of people, one column a preset, the target last.

    The last row is the growth.
    """
    lines = [f"{'people':<8}" + "".join(f"{preset.preset:>22}" for preset in presets) + f"{'target':>10}"]
    for row in zip(*(preset.times for preset in presets), strict=True):
        target = TARGETS_MS.get(row[0].people)
        cells = "".join(f"{time.ms:>12.2f}{f'({time.ms_95:.2f})':>10}" for time in row)
        lines.append(f"{row[0].people:<8}{cells}{'' if target is None else f'< {target:g}':>10}".rstrip())
    lines.append(f"{'growth':<8}" + "".join(f"{preset.growth:>12.2f}{'':>10}" for preset in presets).rstrip())
    return "\n".join(lines)


def link_metrics(presets: Sequence[PresetLinkTimes], memory: LinkMemory) -> dict[str, Any]:
    """The same as values for a JSON file; null where a value is undefined."""
    return {
        "presets": {preset.preset: {**asdict(preset), "growth": _nan_to_none(preset.growth)} for preset in presets},
        "targets_ms": {str(people): ms for people, ms in TARGETS_MS.items()},
        "memory": {**asdict(memory), "mib": [_nan_to_none(mib) for mib in memory.mib]},
    }


def _nan_to_none(value: float) -> float | None:
    return None if math.isnan(value) else value
