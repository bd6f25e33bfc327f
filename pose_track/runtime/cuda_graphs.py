"""A network recorded as CUDA graphs: all its kernels start by one call, which on small batches is most of the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Network = Callable[[Tensor], tuple[Tensor, ...]]
WARM_UP = 3  # calls before recording, in which libraries choose their kernels and allocate what they keep


class Recording(NamedTuple):
    """A graph and the memory that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    batch: Tensor
    outputs: tuple[Tensor, ...]


def padded_size(count: int, max_batch: int) -> int:
    """The next power of two, at most `max_batch`: the size a batch of `count` is run at.

    >>> [padded_size(count, 12) for count in (1, 2, 3, 5, 9, 12)]
    [1, 2, 4, 8, 12, 12]
    """
    return min(1 << (count - 1).bit_length(), max_batch)


class GraphedNetwork:
    """A network (B, C, H, W) -> tuple of (B, ...), recorded on a GPU for batches of 1, 2, 4 and so on up to
    `max_batch`, each when it first comes; on another device it is just called.

    The rows of a batch must not depend on one another, for a batch is filled up to the next recorded size with what was
    there before. All batches have the shape, but for B, and the type of the first one.
    """

    def __init__(self, network: Network, max_batch: int) -> None:
        self._network = network
        self._max_batch = max_batch
        self._recordings: dict[int, Recording] = {}

    def __call__(self, batch: Tensor) -> tuple[Tensor, ...]:
        """The outputs, which on a GPU the next call overwrites. Raises ValueError for more than `max_batch` rows."""
        if len(batch) > self._max_batch:
            raise ValueError(f"a batch may have {self._max_batch} rows, got {len(batch)}")
        if batch.device.type != "cuda" or not len(batch):
            return self._network(batch)
        size = padded_size(len(batch), self._max_batch)
        if size not in self._recordings:
            self._recordings[size] = self._record(batch, size)
        recording = self._recordings[size]
        recording.batch[: len(batch)].copy_(batch)
        recording.graph.replay()
        return tuple(output[: len(batch)] for output in recording.outputs)

    def _record(self, batch: Tensor, size: int) -> Recording:
        """Warmed up and recorded on a stream of its own, as in PyTorch's notes on CUDA graphs; channels last."""
        static = torch.zeros((size, *batch.shape[1:]), dtype=batch.dtype, device=batch.device)
        static = static.contiguous(memory_format=torch.channels_last)
        here, stream = torch.cuda.current_stream(batch.device), torch.cuda.Stream(batch.device)  # type: ignore[no-untyped-call]
        stream.wait_stream(here)
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self._network(static)
        here.wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):  # others may use the GPU
            outputs = self._network(static)
        return Recording(graph, static, outputs)
