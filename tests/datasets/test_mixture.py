from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.datasets.mixture import Mixture


class Sample(NamedTuple):
    name: str
    index: int
    seed: int


class FakeDataset:
    """A data set whose samples record their arguments."""

    def __init__(self, length: int, name: str = ""):
        self.length, self.name = length, name

    def __len__(self) -> int:
        return self.length

    def sample(self, index: int, seed: int) -> Sample:
        assert 0 <= index < self.length
        return Sample(self.name, index, seed)


DATASETS = st.lists(
    st.tuples(st.integers(1, 30), st.sampled_from([0.001, 0.3, 0.5, 1.0, 1.7, 2.0, 3.0])), min_size=1, max_size=4
)


def mixture(datasets: list[tuple[int, float]]) -> Mixture:
    return Mixture([(FakeDataset(length, str(i)), weight) for i, (length, weight) in enumerate(datasets)])


def counts(data: Mixture, seed: int, epochs: range) -> np.ndarray:
    """The number of occurrences of each sample in these epochs."""
    return sum((np.bincount(data.epoch_order(seed, e), minlength=data.num_samples) for e in epochs), np.zeros(1, int))


@settings(derandomize=True, max_examples=40, deadline=None)
@given(DATASETS, st.integers(0, 2**40), st.integers(0, 50))
def test_epoch_contains_samples_by_weight(datasets: list[tuple[int, float]], seed: int, epoch: int) -> None:
    data = mixture(datasets)
    order = data.epoch_order(seed, epoch)
    assert order.dtype == np.int64
    assert len(order) == len(data)
    counted, start = counts(data, seed, range(epoch, epoch + 1)), 0
    for length, weight in datasets:
        occurrences = counted[start : start + length]
        assert occurrences.sum() == max(1, round(weight * length))
        assert np.ptp(occurrences) <= 1
        if weight in (1, 2, 3):
            assert (occurrences == weight).all()
        start += length


@settings(derandomize=True, max_examples=40, deadline=None)
@given(DATASETS, st.integers(0, 2**40), st.integers(1, 12))
def test_epochs_continue_partial_passes(datasets: list[tuple[int, float]], seed: int, epochs: int) -> None:
    data = mixture(datasets)
    counted, start = counts(data, seed, range(epochs)), 0
    for length, weight in datasets:
        occurrences = counted[start : start + length]
        assert np.ptp(occurrences) <= 1
        if epochs * max(1, round(weight * length)) >= length:
            assert occurrences.all()
        start += length


def test_order_depends_on_seed_and_epoch_alone() -> None:
    data = mixture([(20, 1.0), (30, 0.5)])
    first = data.epoch_order(3, 4)
    np.testing.assert_array_equal(first, mixture([(20, 1.0), (30, 0.5)]).epoch_order(3, 4))
    for other in (data.epoch_order(4, 4), data.epoch_order(3, 5)):
        assert (first[first < 20] != other[other < 20]).any()
    assert set(first[first >= 20]).isdisjoint(set(data.epoch_order(3, 5)) - set(range(20)))  # the other half
    assert (np.diff(first) != 1).mean() > 0.8


@settings(derandomize=True, max_examples=40, deadline=None)
@given(DATASETS, st.integers(0, 1000))
def test_sample_numbers_follow_the_data_sets(datasets: list[tuple[int, float]], seed: int) -> None:
    data = mixture(datasets)
    samples = [data.sample(number, seed) for number in range(data.num_samples)]
    assert samples == [Sample(str(i), k, seed) for i, (length, _) in enumerate(datasets) for k in range(length)]


def test_unknown_sample_number() -> None:
    for number in (-1, 5):
        with pytest.raises(IndexError, match=f"no sample {number}.* 0 to 4"):
            mixture([(5, 2.0)]).sample(number, 0)


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_invalid_weights(weight: float) -> None:
    with pytest.raises(ValueError, match=f"weight .*{weight!r}"):
        mixture([(5, 1.0), (5, weight)])


def test_empty_mixture() -> None:
    with pytest.raises(ValueError, match="at least one data set"):
        Mixture([])
    with pytest.raises(ValueError, match="data set 1 of the mixture has no samples"):
        mixture([(5, 1.0), (0, 1.0)])
