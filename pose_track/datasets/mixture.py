"""Several data sets as one, with a weight for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from pose_track.structures.arrays import IntArray


class SampleDataset(Protocol):
    """A data set whose samples are tuples of arrays. A sample's randomness comes from its index and `seed` alone."""

    def __len__(self) -> int: ...
    def sample(self, index: int, seed: int) -> NamedTuple: ...


class Mixture:
    """A weighted mixture of data sets.

    A weight is how often an epoch contains each sample of a set: 1 once, 2 twice, 0.5 in every second epoch. Samples
    are numbered from 0 to `num_samples` - 1, first those of the first set, then those of the next.

    Args:
        datasets: at least one pair of data set and weight.

    Raises ValueError for a weight that is not positive and finite, and for an empty data set.
    """

    def __init__(self, datasets: Sequence[tuple[SampleDataset, float]]):
        if not datasets:
            raise ValueError("a mixture needs at least one data set")
        for number, (dataset, weight) in enumerate(datasets):
            if not 0 < weight < np.inf:
                raise ValueError(f"the weight of a data set must be positive and finite, got {weight!r}")
            if len(dataset) == 0:
                raise ValueError(f"data set {number} of the mixture has no samples; leave it out")
        self.datasets = [dataset for dataset, _ in datasets]
        self._ends = np.cumsum([len(dataset) for dataset in self.datasets])
        self._repeats = [_split_weight(weight, len(dataset)) for dataset, weight in datasets]

    @property
    def num_samples(self) -> int:
        """The number of different samples."""
        return int(self._ends[-1])

    def __len__(self) -> int:
        """The number of samples in an epoch."""
        return sum(
            full * len(dataset) + extra for dataset, (full, extra) in zip(self.datasets, self._repeats, strict=True)
        )

    def epoch_order(self, seed: int, epoch: int) -> IntArray:
        """(len(self),) the shuffled sample numbers of an epoch; a sample with weight 2 occurs twice.

        The result depends on the arguments alone. If an epoch contains only part of a data set, the next continues
        with the rest: after any number of epochs, no two samples of a set differ by more than one occurrence.
        """
        chosen = [self._epoch_samples(number, seed, epoch) for number in range(len(self.datasets))]
        return np.random.default_rng([seed, epoch]).permutation(np.concatenate(chosen))

    def _epoch_samples(self, number: int, seed: int, epoch: int) -> IntArray:
        """The sample numbers that an epoch takes from one data set."""
        length, (full, extra) = len(self.datasets[number]), self._repeats[number]
        order = np.random.default_rng([seed, number]).permutation(length)
        partial = order[(epoch * extra + np.arange(extra)) % length]
        return np.concatenate([np.tile(np.arange(length), full), partial]) + int(self._ends[number]) - length

    def sample(self, index: int, seed: int) -> NamedTuple:
        """The sample of a number, with the randomness of `seed`. Raises IndexError for an unknown number."""
        if not 0 <= index < self.num_samples:
            raise IndexError(f"there is no sample {index}; they are numbered 0 to {self.num_samples - 1}")
        number = int(np.searchsorted(self._ends, index, side="right"))
        dataset = self.datasets[number]
        return dataset.sample(index - int(self._ends[number]) + len(dataset), seed)


def _split_weight(weight: float, length: int) -> tuple[int, int]:
    """Full passes over a data set in an epoch, and the number of extra samples; at least one sample in all.

    >>> _split_weight(2.5, 10), _split_weight(1, 10), _split_weight(0.001, 10)
    ((2, 5), (1, 0), (0, 1))
    """
    full, extra = divmod(max(1, round(weight * length)), length)
    return full, extra
