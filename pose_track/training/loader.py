"""Batches in an order that depends on nothing but the step, whoever draws them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pose_track.datasets.annotations import OnBroken

log = logging.getLogger(__name__)

Draw = tuple[int, int]  # which sample, and the seed of its augmentation


class SampleSource(Protocol):
    """A data set whose samples are tuples of arrays, the picture first.

    num_samples: how many there are. len: samples of an epoch. epoch_order: which samples those are, and their order.
    sample: one of them, its augmentation drawn from `seed` alone.
    """

    @property
    def num_samples(self) -> int: ...
    def __len__(self) -> int: ...
    def epoch_order(self, seed: int, epoch: int) -> NDArray[np.int64]: ...
    def sample(self, index: int, seed: int) -> NamedTuple: ...


class Batch(NamedTuple):
    """tensors: one for each field of the samples, (B, ...); num_broken: samples that others stand in for."""

    tensors: list[Tensor]
    num_broken: int


class StepDraws:
    """For each of `steps`, the draws of one process: a batch sampler of a DataLoader.

    A step has `batch_size` samples in all; process `rank` of `world` takes every world-th of them. An epoch leaves out
    the samples that do not fill a batch, other ones each time. Raises ValueError where there is not even one batch, or
    where processes would get unequal shares.
    """

    def __init__(self, data: SampleSource, batch_size: int, seed: int, steps: range, rank: int = 0, world: int = 1):
        if len(data) < batch_size:
            raise ValueError(f"{len(data)} samples do not fill one batch of {batch_size}; lower batch_size")
        if batch_size % world:
            raise ValueError(f"batch_size {batch_size} must be a multiple of the number of processes, {world}")
        self.data, self.batch_size, self.seed = data, batch_size, seed
        self.steps, self.rank, self.world = steps, rank, world

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[Draw]]:
        per_epoch, order, known = len(self.data) // self.batch_size, np.zeros(0, np.int64), -1
        for step in self.steps:
            epoch, place = divmod(step, per_epoch)
            if epoch != known:
                order, known = self.data.epoch_order(self.seed, epoch), epoch
            rows = range(place * self.batch_size + self.rank, (place + 1) * self.batch_size, self.world)
            first = (self.seed * 1_000_003 + step) * self.batch_size - place * self.batch_size
            yield [(int(order[row]), first + row) for row in rows]


class Draws(Dataset[tuple[Any, int]]):
    """Samples by draw. A sample whose picture is missing or broken raises, or where on_broken is "skip" is replaced by
    the next one that is whole; each comes with how many were passed over."""

    def __init__(self, data: SampleSource, on_broken: OnBroken):
        self.data, self.on_broken = data, on_broken

    def __getitem__(self, draw: Draw) -> tuple[Any, int]:
        index, seed = draw
        for passed in range(self.data.num_samples):
            try:
                return self.data.sample((index + passed) % self.data.num_samples, seed), passed
            except (OSError, ValueError) as error:
                if self.on_broken == "stop":
                    raise
                log.warning("passed over: %s", error)
        raise ValueError("not one sample of the training data can be read")


def collate(drawn: Sequence[tuple[Any, int]]) -> Batch:
    """Samples of parallel arrays -> one stacked tensor for each field."""
    fields = zip(*(sample for sample, _ in drawn), strict=True)
    return Batch([torch.from_numpy(np.stack(field)) for field in fields], sum(passed for _, passed in drawn))


def make_loader(
    draws: StepDraws, on_broken: OnBroken = "stop", workers: int = 0, pin_memory: bool = False
) -> DataLoader[Any]:
    """Batches of the draws, prepared by `workers` further processes, or by this one where there are none."""
    return DataLoader(
        Draws(draws.data, on_broken),
        batch_sampler=draws,
        collate_fn=collate,
        num_workers=workers,
        pin_memory=pin_memory,
        worker_init_fn=_use_one_thread if workers else None,
        multiprocessing_context="spawn" if workers else None,  # forked ones would wait for threads they do not have
        generator=torch.Generator(),  # of its own, or it would draw from the one that a checkpoint keeps
    )


def _use_one_thread(_worker: int) -> None:
    import cv2

    cv2.setNumThreads(1)


class TimedLoader:
    """Batches, and how long one waited for them: `seconds`, ever longer."""

    def __init__(self, batches: DataLoader[Any]):
        self._batches = batches
        self.seconds = 0.0

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        batches = iter(self._batches)
        while True:
            start = time.monotonic()
            batch = next(batches, None)
            self.seconds += time.monotonic() - start
            if batch is None:
                return
            yield batch
