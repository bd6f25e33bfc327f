"""How fast the PoseTrack evaluation is, and how fast another program does the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from statistics import median
from typing import NamedTuple

import numpy as np

from pose_track.benchmarks.speed.timing import Seconds, take_turns, time_of
from pose_track.evaluation.pairing import load_pairs
from pose_track.evaluation.posetrack import evaluate_posetrack
from pose_track.formats.problems import Problems
from pose_track.structures.sequence import PoseSequence


class Times(NamedTuple):
    """What was measured in turn; theirs, in seconds, is empty where there is no other program."""

    ours: list[Seconds]
    theirs: list[float]

    def summary(self) -> dict[str, float]:
        """Medians and the best, and how many times faster ours is, by processor time.

        >>> Times([Seconds(2.0, 3.0), Seconds(4.0, 4.0)], [24.0, 36.0]).summary()
        {'seconds': 3.0, 'best': 2.0, 'clock_seconds': 3.5, 'theirs': 30.0, 'ratio': 10.0}
        """
        processor, clock = zip(*self.ours, strict=True)
        found = {"seconds": median(processor), "best": min(processor), "clock_seconds": median(clock)}
        if self.theirs:
            found |= {"theirs": median(self.theirs), "ratio": median(self.theirs) / median(processor)}
        return found

    def words(self) -> list[str]:
        """The summary as lines to print."""
        found = self.summary()
        lines = [f"{found['seconds']:.3f} s of processor time to read and evaluate, {found['best']:.3f} s at best"]
        if self.theirs:
            lines.append(f"theirs {found['theirs']:.3f} s; ours is {found['ratio']:.1f} times as fast")
        return lines


def measure_evaluation(gt: str, pred: str, theirs: Callable[[], float] | None, rounds: int) -> Times:
    """Reading truth and predictions and making all figures of the PoseTrack evaluation, in turn with another's."""

    def job() -> None:
        evaluate_posetrack(load_pairs(gt, pred, Problems()))

    return Times(*take_turns(partial(time_of, job), theirs, rounds))


def frame_times(gt: str, pred: str, repeats: Iterable[int], rounds: int) -> dict[int, float]:
    """For each number of repeats the processor time a frame, in seconds, of evaluating sequences that many times as
    long, the best of the rounds. Raises ValueError for a number less than 1."""
    pairs, found = load_pairs(gt, pred, Problems()), {}
    for repeat in repeats:
        if repeat < 1:
            raise ValueError(f"repeats must be 1 or more, got {repeat!r}")
        longer = [(repeated(truth, repeat), repeated(prediction, repeat)) for truth, prediction in pairs]
        best = min(time_of(partial(evaluate_posetrack, longer)).processor for _ in range(rounds))
        found[repeat] = best / sum(len(truth) for truth, _ in longer)
    return found


def repeated(sequence: PoseSequence, times: int) -> PoseSequence:
    """A sequence that is so many times as long: its frames again and again, with everybody in them."""
    n, count = len(sequence), len(sequence.people)
    return replace(
        sequence,
        frames=tuple(replace(sequence.frames[k % n], index=k) for k in range(n * times)),
        people=sequence.people[np.tile(np.arange(count), times)],
        frame_of=np.tile(sequence.frame_of, times) + np.repeat(np.arange(times) * n, count),
    )
