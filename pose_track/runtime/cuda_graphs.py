"""Networks as CUDA graphs: one call launches all kernels, and launching dominates the time of small batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Network = Callable[[Tensor], tuple[Tensor, ...]]
WARM_UP = 3  # calls before recording, in which libraries choose kernels and allocate workspaces


class Recording(NamedTuple):
    """A CUDA graph and the memory that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    batch: Tensor
    outputs: tuple[Tensor, ...]


def padded_size(count: int, max_batch: int) -> int:
    """The batch size at which `count` rows run: the next power of two, at most `max_batch`.

    >>> [padded_size(count, 12) for count in (1, 2, 3, 5, 9, 12)]
    [1, 2, 4, 8, 12, 12]
    """
    return min(1 << (count - 1).bit_length(), max_batch)


class GraphedNetwork:
    """A network (B, C, H, W) -> tuple of (B, ...) that runs as CUDA graphs on a GPU; elsewhere it is called directly.

    A graph is recorded for each batch size of 1, 2, 4 and so on up to `max_batch`, when the size first occurs. The rows
    of a batch must not depend on one another: a batch is padded to the next size with whatever the memory holds. All
    batches have the type of the first one, and its shape except for B.
    """

    def __init__(self, network: Network, max_batch: int) -> None:
        self._network = network
        self._max_batch = max_batch
        self._recordings: dict[int, Recording] = {}

    def __call__(self, batch: Tensor) -> tuple[Tensor, ...]:
        """The outputs. On a GPU the next call overwrites them. Raises ValueError for more than `max_batch` rows."""
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
        """Warm up and record on a separate stream, as PyTorch's notes on CUDA graphs ask for; channels last."""
        static = torch.zeros((size, *batch.shape[1:]), dtype=batch.dtype, device=batch.device)
        static = static.contiguous(memory_format=torch.channels_last)
        current = torch.cuda.current_stream(batch.device)
        stream = torch.cuda.Stream(batch.device)  # type: ignore[no-untyped-call]
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self._network(static)
        current.wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # thread_local: other threads may use the GPU meanwhile
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            outputs = self._network(static)
        return Recording(graph, static, outputs)
