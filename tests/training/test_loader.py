from __future__ import annotations

import logging
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_tasks import Numbers, assert_equal

from pose_track.training.loader import Batch, Draws, StepDraws, TimedLoader, make_loader


def drawn(data: Numbers, size: int, steps: range, workers: int = 0) -> list[Batch]:
    return list(TimedLoader(make_loader(StepDraws(data, size, 0, steps), workers=workers)))


def test_batches_do_not_depend_on_where_they_start() -> None:
    whole = drawn(Numbers(), 3, range(6))
    for start in (1, 2, 5):
        assert_equal(drawn(Numbers(), 3, range(start, 6)), whole[start:])
    indices = [batch.tensors[0][:, 0, 0, 0].tolist() for batch in whole]
    epochs = [indices[0] + indices[1], indices[2] + indices[3], indices[4] + indices[5]]
    assert all(len(set(epoch)) == 6 for epoch in epochs)  # nothing twice in an epoch
    assert len({tuple(epoch) for epoch in epochs}) == 3  # a new order each time
    assert epochs[0] == Numbers().epoch_order(0, 0)[:6].tolist()
    targets = torch.cat([batch.tensors[1] for batch in whole])
    assert len(set(targets.flatten().tolist())) == 18  # each draw has its own randomness


def test_workers_draw_the_same_batches() -> None:
    assert_equal(drawn(Numbers(), 3, range(4), workers=2), drawn(Numbers(), 3, range(4)))


def test_workers_start_where_opencv_has_threads() -> None:
    """A forked worker would lack them and wait for them forever."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        cv2.GaussianBlur(np.zeros((1000, 1000, 3), np.uint8), (11, 11), 0)
        assert len(drawn(Numbers(), 3, range(1), workers=1)) == 1
    finally:
        cv2.setNumThreads(before)


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 5), st.integers(0, 3))
def test_processes_share_a_batch(world: int, share: int, start: int, seed: int) -> None:
    data, size = Numbers(40), world * share
    whole = list(StepDraws(data, size, seed, range(start, start + 3)))
    parts = [list(StepDraws(data, size, seed, range(start, start + 3), rank, world)) for rank in range(world)]
    for step, draws in enumerate(whole):
        assert all(len(part[step]) == share for part in parts)
        assert sorted(draw for part in parts for draw in part[step]) == sorted(draws)
    seeds = [draw[1] for draws in whole for draw in draws]
    assert all(b == a + 1 for a, b in pairwise(seeds))  # never the same twice


@pytest.mark.parametrize(
    ("length", "size", "world", "message"),
    [(2, 3, 1, "2 samples do not fill one batch of 3; lower batch_size"), (8, 3, 2, "batch_size 3 must be a multiple")],
)
def test_batches_that_cannot_be(length: int, size: int, world: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StepDraws(Numbers(length), size, 0, range(1), 0, world)


def test_a_broken_picture_stops_or_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    data = Numbers(4, broken=(1, 2))
    with pytest.raises(FileNotFoundError, match="no picture 1"):
        Draws(data, "stop")[1, 0]
    with caplog.at_level(logging.WARNING):
        sample, passed = Draws(data, "skip")[1, 7]
    assert (sample.image[0, 0, 0], passed) == (3, 2)
    assert [record.getMessage() for record in caplog.records] == [
        "passed over: no picture 1",
        "passed over: no picture 2",
    ]
    batch = next(iter(make_loader(StepDraws(data, 4, 0, range(1)), "skip")))
    assert batch.num_broken == 3
    assert sorted(batch.tensors[0][:, 0, 0, 0].tolist()) == [0, 3, 3, 3]


def test_nothing_but_broken_pictures() -> None:
    with pytest.raises(ValueError, match="not one sample of the training data can be read"):
        Draws(Numbers(3, broken=(0, 1, 2)), "skip")[1, 0]


def test_time_spent_waiting_is_kept() -> None:
    import time

    class Slow(Numbers):
        def sample(self, index: int, seed: int):  # type: ignore[no-untyped-def]
            time.sleep(0.02)
            return super().sample(index, seed)

    waiting = TimedLoader(make_loader(StepDraws(Slow(), 2, 0, range(3))))
    for _ in waiting:
        time.sleep(0.05)
    assert len(waiting) == 3
    assert 0.12 <= waiting.seconds < 0.27  # six samples, not the time in between
