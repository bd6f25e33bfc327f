"""Several data sets as one, each sample seen as often as the weight of its set says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from pose_track.structures.frames import IntArray


class Samples(Protocol):
    """A data set whose samples are tuples of arrays; what is random in one is drawn from its index and `seed` alone."""

    def __len__(self) -> int: ...
    def sample(self, index: int, seed: int) -> NamedTuple: ...


class Mixture:
    """Data sets, at least one, each with its weight: how often its samples are seen in an epoch.

    With weight 1 each sample of a set is seen once, with 2 twice, with 0.5 in every other epoch. A sample has a number
    below `num_samples`: first those of the first set, in their order, then those of the next. Raises ValueError for a
    weight that is not positive, and for a set without samples.
    """

    def __init__(self, parts: Sequence[tuple[Samples, float]]):
        if not parts:
            raise ValueError("a mixture needs at least one data set")
        for number, (part, weight) in enumerate(parts):
            if not 0 < weight < np.inf:
                raise ValueError(f"the weight of a data set must be positive and finite, got {weight!r}")
            if len(part) == 0:
                raise ValueError(f"data set {number} of the mixture has no samples; leave it out")
        self.parts = [part for part, _ in parts]
        self._ends = np.cumsum([len(part) for part in self.parts])
        self._repeats = [_split_weight(weight, len(part)) for part, weight in parts]

    @property
    def num_samples(self) -> int:
        """How many different samples there are."""
        return int(self._ends[-1])

    def __len__(self) -> int:
        """How many samples an epoch has."""
        return sum(whole * len(part) + more for part, (whole, more) in zip(self.parts, self._repeats, strict=True))

    def epoch_order(self, seed: int, epoch: int) -> IntArray:
        """(len(self),) the numbers of the samples of an epoch, shuffled; one that is seen twice comes twice.

        The same whenever it is asked for. Where an epoch sees only a part of a set, the next goes on with the rest, so
        that after any number of epochs no sample of the set has been seen two times more than another.
        """
        chosen = [self._of_part(number, seed, epoch) for number in range(len(self.parts))]
        return np.random.default_rng([seed, epoch]).permutation(np.concatenate(chosen))

    def _of_part(self, number: int, seed: int, epoch: int) -> IntArray:
        """The numbers of the samples that an epoch sees of one set."""
        length, (whole, more) = len(self.parts[number]), self._repeats[number]
        turns = np.random.default_rng([seed, number]).permutation(length)
        last = turns[(epoch * more + np.arange(more)) % length]
        return np.concatenate([np.tile(np.arange(length), whole), last]) + int(self._ends[number]) - length

    def sample(self, index: int, seed: int) -> NamedTuple:
        """The sample of a number, with the randomness of `seed`; two of one number differ by their seeds alone."""
        if not 0 <= index < self.num_samples:
            raise IndexError(f"there is no sample {index}; they are numbered 0 to {self.num_samples - 1}")
        number = int(np.searchsorted(self._ends, index, side="right"))
        part = self.parts[number]
        return part.sample(index - int(self._ends[number]) + len(part), seed)


def _split_weight(weight: float, length: int) -> tuple[int, int]:
    """How often an epoch sees the whole of a set, and how many samples it sees once more, at least one sample in all.

    >>> _split_weight(2.5, 10), _split_weight(1, 10), _split_weight(0.001, 10)
    ((2, 5), (1, 0), (0, 1))
    """
    whole, more = divmod(max(1, round(weight * length)), length)
    return whole, more
