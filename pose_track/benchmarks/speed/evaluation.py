"""Speed of the PoseTrack evaluation, optionally compared with another program."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from statistics import median
from typing import NamedTuple

import numpy as np

from pose_track.benchmarks.speed.timing import Timing, compare_interleaved, time_call
from pose_track.evaluation.posetrack import evaluate_posetrack
from pose_track.evaluation.sequence_pairs import load_pairs
from pose_track.formats.problems import Problems
from pose_track.structures.sequence import PoseSequence


class EvaluationTimes(NamedTuple):
    """All measurements, one a round. baseline: seconds of the other program; empty without one."""

    timings: list[Timing]
    baseline: list[float]

    def summary(self) -> dict[str, float]:
        """Median and lowest CPU time, median elapsed time, and the speedup over the baseline by CPU time.

        >>> EvaluationTimes([Timing(2.0, 3.0), Timing(4.0, 4.0)], [24.0, 36.0]).summary()
        {'cpu_seconds': 3.0, 'best_cpu_seconds': 2.0, 'wall_seconds': 3.5, 'baseline': 30.0, 'speedup': 10.0}
        """
        cpu, wall = zip(*self.timings, strict=True)
        summary = {"cpu_seconds": median(cpu), "best_cpu_seconds": min(cpu), "wall_seconds": median(wall)}
        if self.baseline:
            summary |= {"baseline": median(self.baseline), "speedup": median(self.baseline) / median(cpu)}
        return summary

    def lines(self) -> list[str]:
        """The summary as lines to print."""
        summary = self.summary()
        seconds, best = summary["cpu_seconds"], summary["best_cpu_seconds"]
        lines = [f"{seconds:.3f} s of processor time to read and evaluate, {best:.3f} s at best"]
        if self.baseline:
            lines.append(f"baseline {summary['baseline']:.3f} s; speedup {summary['speedup']:.1f}")
        return lines


def measure_evaluation(gt: str, pred: str, baseline: Callable[[], float] | None, rounds: int) -> EvaluationTimes:
    """Time reading two folders of PoseTrack files and evaluating them, in turn with the baseline."""

    def evaluate() -> None:
        evaluate_posetrack(load_pairs(gt, pred, Problems()))

    return EvaluationTimes(*compare_interleaved(partial(time_call, evaluate), baseline, rounds))


def seconds_per_frame(gt: str, pred: str, repeats: Iterable[int], rounds: int) -> dict[int, float]:
    """CPU seconds a frame to evaluate sequences repeated n times, by n: the lowest of the rounds.

    Raises ValueError for n less than 1.
    """
    pairs, seconds = load_pairs(gt, pred, Problems()), {}
    for n in repeats:
        if n < 1:
            raise ValueError(f"repeats must be 1 or more, got {n!r}")
        longer = [(repeat_sequence(truth, n), repeat_sequence(prediction, n)) for truth, prediction in pairs]
        best = min(time_call(partial(evaluate_posetrack, longer)).cpu for _ in range(rounds))
        seconds[n] = best / sum(len(truth) for truth, _ in longer)
    return seconds


def repeat_sequence(sequence: PoseSequence, n: int) -> PoseSequence:
    """A sequence of n times the length: its frames and their people, repeated."""
    num_frames, num_people = len(sequence), len(sequence.people)
    return replace(
        sequence,
        frames=tuple(replace(sequence.frames[k % num_frames], index=k) for k in range(num_frames * n)),
        people=sequence.people[np.tile(np.arange(num_people), n)],
        frame_indices=np.tile(sequence.frame_indices, n) + np.repeat(np.arange(n) * num_frames, num_people),
    )
