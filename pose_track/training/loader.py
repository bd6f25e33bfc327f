"""Batches in an order that depends on the step alone, for any number of processes and workers."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pose_track.datasets.annotations import OnBroken
from pose_track.structures.arrays import IntArray

logger = logging.getLogger(__name__)

SeededIndex = tuple[int, int]  # a sample's index, and the seed of its augmentation


class TrainingData(Protocol):
    """A data set whose samples are tuples of arrays, the image first.

    num_samples: the number of different samples. len: of an epoch. epoch_order: (len,) the sample indices of an epoch
    in order. sample: the sample of an index, augmented with randomness from `seed` alone.
    """

    @property
    def num_samples(self) -> int: ...
    def __len__(self) -> int: ...
    def epoch_order(self, seed: int, epoch: int) -> IntArray: ...
    def sample(self, index: int, seed: int) -> NamedTuple: ...


class Batch(NamedTuple):
    """tensors: one for each field of the samples, (B, ...); num_broken: samples that replace broken ones."""

    tensors: list[Tensor]
    num_broken: int


class StepBatchSampler:
    """The batch sampler of one process: a list of seeded indices for each step.

    An epoch leaves out the samples that do not fill a batch, different ones each time.

    Args:
        data: the training data.
        batch_size: samples in a step, over all processes.
        seed: of the order and the augmentation.
        steps: for which to yield batches.
        rank: of this process.
        world: number of processes; each takes every `world`-th sample of a step.

    Raises ValueError if the data do not fill one batch, or if the processes would get unequal parts.
    """

    def __init__(self, data: TrainingData, batch_size: int, seed: int, steps: range, rank: int = 0, world: int = 1):
        if len(data) < batch_size:
            size = f"loop.batch_size {len(data)} or less"
            raise ValueError(f"an epoch has {len(data)} samples, too few for a batch of {batch_size}; give {size}")
        if batch_size % world:
            raise ValueError(f"batch_size {batch_size} must be a multiple of the number of processes, {world}")
        self.data, self.batch_size, self.seed = data, batch_size, seed
        self.steps, self.rank, self.world = steps, rank, world

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[SeededIndex]]:
        steps_per_epoch, order, current_epoch = len(self.data) // self.batch_size, np.zeros(0, np.int64), -1
        for step in self.steps:
            epoch, step_in_epoch = divmod(step, steps_per_epoch)
            if epoch != current_epoch:
                order, current_epoch = self.data.epoch_order(self.seed, epoch), epoch
            start = step_in_epoch * self.batch_size
            rows = range(start + self.rank, start + self.batch_size, self.world)
            first_seed = (self.seed * 1_000_003 + step) * self.batch_size - start
            yield [(int(order[row]), first_seed + row) for row in rows]


class SeededDataset(Dataset[tuple[Any, int]]):
    """Samples by seeded index, each with the number of broken samples that were skipped for it.

    A sample with a missing or broken image raises; with on_broken "skip" the next intact sample replaces it.
    """

    def __init__(self, data: TrainingData, on_broken: OnBroken):
        self.data, self.on_broken = data, on_broken

    def __getitem__(self, seeded_index: SeededIndex) -> tuple[Any, int]:
        index, seed = seeded_index
        for skipped in range(self.data.num_samples):
            try:
                return self.data.sample((index + skipped) % self.data.num_samples, seed), skipped
            except (OSError, ValueError) as error:
                if self.on_broken == "stop":
                    raise
                logger.warning("skipped: %s", error)
        raise ValueError("no sample of the training data can be read")


def collate(samples: Sequence[tuple[Any, int]]) -> Batch:
    """Samples of parallel arrays -> one stacked tensor for each field."""
    fields = zip(*(sample for sample, _ in samples), strict=True)
    return Batch([torch.from_numpy(np.stack(field)) for field in fields], sum(skipped for _, skipped in samples))


def make_loader(
    sampler: StepBatchSampler, on_broken: OnBroken = "stop", workers: int = 0, pin_memory: bool = False
) -> DataLoader[Any]:
    """A loader of the sampler's batches. workers: processes that prepare them; 0 uses this process."""
    return DataLoader(
        SeededDataset(sampler.data, on_broken),
        batch_sampler=sampler,
        collate_fn=collate,
        num_workers=workers,
        pin_memory=pin_memory,
        worker_init_fn=_use_one_thread if workers else None,
        multiprocessing_context="spawn" if workers else None,  # forked workers wait forever for OpenCV's threads
        generator=torch.Generator(),  # its own, since checkpoints save the state of the default generator
    )


def _use_one_thread(_worker: int) -> None:
    import cv2

    cv2.setNumThreads(1)


class TimedLoader:
    """Batches of a loader. seconds: total time spent waiting for them."""

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
