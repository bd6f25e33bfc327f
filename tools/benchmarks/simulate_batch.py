"""A batch on many workers that die and differ in speed, as a discrete simulation: throughput, repeated work, the tail.

    pose-track batch clips/ --out runs
    python tools/benchmarks/simulate_batch.py runs/summary.csv --workers 1000 --hours 100000

The videos are drawn from the summary of a real batch: each has the frames a second of one of its rows. Lengths are
lognormal around `--minutes`. A worker that dies comes back after `--away` minutes; the video in its hands goes to the
next free worker, which begins at its first frame, or with `--resume` at the state that the dead one had saved. A video
of `--poison` fails at a random frame, three times. It needs numpy, and none of this project's modules.
"""

from __future__ import annotations

import argparse
import csv
import heapq
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ATTEMPTS = 3
STATE_SECONDS = 3.0  # between two states of a run that are saved


@dataclass
class Fleet:
    """The workers, and what goes wrong.

    start_seconds: from the start of a worker to its first frame. speeds: (W,) of each worker, 1 on average.
    mtbf_hours: mean time of a worker between failures. away_seconds: until it is back.
    resume: whether another worker goes on with the work of a dead one.
    """

    start_seconds: float
    speeds: NDArray[np.float64]
    mtbf_hours: float
    away_seconds: float
    resume: bool


@dataclass
class Result:
    """Seconds of workers, summed, except `makespan` and `last_free`, when the first worker found nothing to do."""

    makespan: float = 0.0
    last_free: float = 0.0
    useful: float = 0.0
    repeated: float = 0.0
    poison: float = 0.0
    started: float = 0.0
    deaths: int = 0
    failed: int = 0


@dataclass
class Simulation:
    """work: (V,) seconds that each video takes on a worker of speed 1, in the order in which they are given out.
    is_poison: (V,) whether it always fails."""

    fleet: Fleet
    work: NDArray[np.float64]
    is_poison: NDArray[np.bool_]
    random: np.random.Generator
    result: Result = field(default_factory=Result)

    def run(self) -> Result:
        num_workers = len(self.fleet.speeds)
        self._queue = deque(range(len(self.work)))
        self._left = self.work.copy()
        self._attempts = np.zeros(len(self.work), np.int64)
        self._dies_at = self._lifetime(num_workers)
        self._is_cold = np.ones(num_workers, bool)
        # (time, whether it is a worker that is free, else a video that has to be done again, its number)
        self._events = [(0.0, True, worker) for worker in range(num_workers)]
        idle: list[int] = []
        while self._events:
            now, is_worker, number = heapq.heappop(self._events)
            if is_worker and self._queue:
                self._serve(number, now)
            elif is_worker:
                self.result.last_free = self.result.last_free or now
                idle.append(number)
            else:
                self._queue.append(number)
                if idle:
                    self._serve(self._woken(idle.pop(), now), now)
        return self.result

    def _lifetime(self, number: int) -> NDArray[np.float64]:
        return self.random.exponential(self.fleet.mtbf_hours * 3600, number)

    def _woken(self, worker: int, now: float) -> int:
        """A worker that was idle; one that died meanwhile is back."""
        if self._dies_at[worker] < now:
            self._dies_at[worker] = now + self._lifetime(1)[0]
        return worker

    def _serve(self, worker: int, now: float) -> None:
        """Give a worker the next video."""
        video, speed, result = self._queue.popleft(), self.fleet.speeds[worker], self.result
        start = self.fleet.start_seconds * self._is_cold[worker]
        share = self.random.random() if self.is_poison[video] else 1.0
        seconds = share * self._left[video] / speed
        end = now + start + seconds
        if self._dies_at[worker] < end:
            self._die(worker, video, max(0.0, self._dies_at[worker] - now - start))
            return
        self._is_cold[worker] = False
        heapq.heappush(self._events, (end, True, worker))
        result.started += start
        result.makespan = max(result.makespan, end)
        if not self.is_poison[video]:
            result.useful += seconds
            return
        result.poison += seconds
        self._attempts[video] += 1
        if self._attempts[video] < ATTEMPTS:
            heapq.heappush(self._events, (end, False, video))
        else:
            result.failed += 1

    def _die(self, worker: int, video: int, worked: float) -> None:
        kept = max(0.0, worked - STATE_SECONDS * self.random.random()) if self.fleet.resume else 0.0
        self._left[video] -= kept * self.fleet.speeds[worker]
        self.result.useful += kept
        self.result.repeated += worked - kept
        self.result.deaths += 1
        died = float(self._dies_at[worker])
        back = died + self.fleet.away_seconds
        heapq.heappush(self._events, (died, False, video))
        heapq.heappush(self._events, (back, True, worker))
        self._dies_at[worker] = back + self._lifetime(1)[0]
        self._is_cold[worker] = True


def read_rates(summary: Path) -> NDArray[np.float64]:
    """Frames a second of the videos of a batch that were tracked. Raises ValueError where there are none."""
    with summary.open(newline="", encoding="utf-8") as file:
        rates = [float(row["fps"]) for row in csv.DictReader(file) if row["status"] == "done" and float(row["fps"]) > 0]
    if not rates:
        raise ValueError(f"{str(summary)!r} has no video that was tracked")
    return np.array(rates)


def draw_work(options: argparse.Namespace, random: np.random.Generator) -> NDArray[np.float64]:
    """Seconds of work of each video, in order."""
    number = max(1, round(options.hours * 60 / options.minutes))
    spread = options.length_spread
    minutes = options.minutes * random.lognormal(-(spread**2) / 2, spread, number)
    work = minutes * 60 * options.video_fps / (options.faster * random.choice(read_rates(options.summary), number))
    if options.part_minutes:
        work = _in_parts(work, minutes, options.part_minutes, options.overlap_seconds / 60)
    return -np.sort(-work) if options.longest_first else work


def _in_parts(
    work: NDArray[np.float64], minutes: NDArray[np.float64], part_minutes: float, overlap_minutes: float
) -> NDArray[np.float64]:
    """The work of parts of about `part_minutes` in place of that of videos; each but the first has an overlap."""
    numbers = np.maximum(1, np.round(minutes / part_minutes)).astype(np.int64)
    rates = np.repeat(work / minutes, numbers)
    is_first = np.diff(np.repeat(np.arange(len(work)), numbers), prepend=-1) > 0
    return rates * (np.repeat(minutes / numbers, numbers) + np.where(is_first, 0, overlap_minutes))


def draw_fleet(options: argparse.Namespace, random: np.random.Generator) -> Fleet:
    speeds = random.lognormal(0, options.speed_spread, options.workers)
    speeds[random.random(options.workers) < options.stragglers] *= options.straggler_speed
    speeds /= speeds.mean()
    return Fleet(options.start_seconds, speeds, options.mtbf_hours, options.away * 60, options.resume)


def report(result: Result, workers: int) -> str:
    total = result.makespan * workers
    busy = {"useful": result.useful, "repeated": result.repeated, "failing": result.poison, "starting": result.started}
    shares = ", ".join(f"{name} {seconds / total:.2%}" for name, seconds in busy.items())
    tail = 1 - result.last_free / result.makespan
    return (
        f"{result.makespan / 3600:.2f} hours; of the workers' time: {shares}, "
        f"away or idle {1 - sum(busy.values()) / total:.2%}; "
        f"{result.deaths} deaths; {result.failed} videos failed; the tail, from the first idle worker on: {tail:.2%}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("summary", type=Path, help="summary.csv of a batch")
    add("--workers", type=int, default=1000)
    add("--hours", type=float, default=100_000, help="of video")
    add("--minutes", type=float, default=10.0, help="mean length of a video")
    add("--length-spread", type=float, default=1.0, help="standard deviation of the logarithm of the length")
    add("--video-fps", type=float, default=25.0)
    add("--faster", type=float, default=1.0, help="how many times as fast as in the summary a worker is on average")
    add("--start-seconds", type=float, default=5.0, help="until a new worker tracks its first frame")
    add("--speed-spread", type=float, default=0.1, help="standard deviation of the logarithm of a worker's speed")
    add("--stragglers", type=float, default=0.02, help="share of workers that are slow")
    add("--straggler-speed", type=float, default=0.3, help="their speed, of that of the others")
    add("--mtbf-hours", type=float, default=24.0, help="mean time between failures of a worker")
    add("--away", type=float, default=5.0, help="minutes until a worker is back")
    add("--poison", type=float, default=0.001, help="share of videos that always fail")
    add("--resume", action="store_true", help="go on with the work of a dead worker, which needs a shared folder")
    add("--longest-first", action="store_true", help="give out long videos first")
    add("--part-minutes", type=float, help="split longer videos into parts of about this length")
    add("--overlap-seconds", type=float, default=6.0, help="of parts")
    add("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    work = draw_work(options, random)
    simulation = Simulation(draw_fleet(options, random), work, random.random(len(work)) < options.poison, random)
    print(report(simulation.run(), options.workers))


if __name__ == "__main__":
    main()
