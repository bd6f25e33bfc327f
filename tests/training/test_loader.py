from __future__ import annotations

import logging
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_tasks import NumberData, assert_equal

from pose_track.training.loader import Batch, SeededDataset, StepBatchSampler, TimedLoader, make_loader


def batches_of(data: NumberData, size: int, steps: range, workers: int = 0) -> list[Batch]:
    return list(TimedLoader(make_loader(StepBatchSampler(data, size, 0, steps), workers=workers)))


def test_batches_do_not_depend_on_where_they_start() -> None:
    batches = batches_of(NumberData(), 3, range(6))
    for start in (1, 2, 5):
        assert_equal(batches_of(NumberData(), 3, range(start, 6)), batches[start:])
    indices = [batch.tensors[0][:, 0, 0, 0].tolist() for batch in batches]
    epochs = [indices[0] + indices[1], indices[2] + indices[3], indices[4] + indices[5]]
    assert all(len(set(epoch)) == 6 for epoch in epochs)  # no sample twice in an epoch
    assert len({tuple(epoch) for epoch in epochs}) == 3  # a new order in each epoch
    assert epochs[0] == NumberData().epoch_order(0, 0)[:6].tolist()
    targets = torch.cat([batch.tensors[1] for batch in batches])
    assert len(set(targets.flatten().tolist())) == 18  # every sample has its own randomness


def test_workers_draw_the_same_batches() -> None:
    assert_equal(batches_of(NumberData(), 3, range(4), workers=2), batches_of(NumberData(), 3, range(4)))


def test_workers_start_while_opencv_has_threads() -> None:
    """A forked worker would lack the threads and wait for them forever."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        cv2.GaussianBlur(np.zeros((1000, 1000, 3), np.uint8), (11, 11), 0)
        assert len(batches_of(NumberData(), 3, range(1), workers=1)) == 1
    finally:
        cv2.setNumThreads(before)


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 5), st.integers(0, 3))
def test_processes_share_a_batch(world: int, share: int, start: int, seed: int) -> None:
    data, size = NumberData(40), world * share
    batches = list(StepBatchSampler(data, size, seed, range(start, start + 3)))
    parts = [list(StepBatchSampler(data, size, seed, range(start, start + 3), rank, world)) for rank in range(world)]
    for step, indices in enumerate(batches):
        assert all(len(part[step]) == share for part in parts)
        assert sorted(index for part in parts for index in part[step]) == sorted(indices)
    seeds = [seed for indices in batches for _, seed in indices]
    assert all(b == a + 1 for a, b in pairwise(seeds))  # every seed once


@pytest.mark.parametrize(
    ("length", "size", "world", "message"),
    [(2, 3, 1, "2 samples.*batch_size"), (8, 3, 2, "batch_size 3 must be a multiple")],
)
def test_impossible_batches(length: int, size: int, world: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StepBatchSampler(NumberData(length), size, 0, range(1), 0, world)


def test_broken_image_stops_or_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    data = NumberData(4, broken=(1, 2))
    with pytest.raises(FileNotFoundError, match="no image 1"):
        SeededDataset(data, "stop")[1, 0]
    with caplog.at_level(logging.WARNING):
        sample, skipped = SeededDataset(data, "skip")[1, 7]
    assert (sample.image[0, 0, 0], skipped) == (3, 2)
    first, second = caplog.messages
    assert "no image 1" in first
    assert "no image 2" in second
    batch = next(iter(make_loader(StepBatchSampler(data, 4, 0, range(1)), "skip")))
    assert batch.num_broken == 3
    assert sorted(batch.tensors[0][:, 0, 0, 0].tolist()) == [0, 3, 3, 3]


def test_only_broken_images() -> None:
    with pytest.raises(ValueError, match="no sample"):
        SeededDataset(NumberData(3, broken=(0, 1, 2)), "skip")[1, 0]


def test_waiting_time_is_measured() -> None:
    import time

    class Slow(NumberData):
        def sample(self, index: int, seed: int):  # type: ignore[no-untyped-def]
            time.sleep(0.02)
            return super().sample(index, seed)

    timed = TimedLoader(make_loader(StepBatchSampler(Slow(), 2, 0, range(3))))
    for _ in timed:
        time.sleep(0.05)
    assert len(timed) == 3
    assert 0.12 <= timed.seconds < 0.27  # six samples, not the time in between
