"""Smaller batches where a GPU is out of memory."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import torch

T = TypeVar("T")

logger = logging.getLogger(__name__)


def halve_batch_on_out_of_memory(run: Callable[[int], T], batch_size: int, items: str, remedy: str) -> tuple[T, int]:
    """The result of `run(batch_size)` and the batch size that worked. It is halved while the GPU is out of memory.

    Args:
        items: what a batch holds, in the plural, for the warning about a smaller batch.
        remedy: advice for the case that a batch of one does not fit; MemoryError is raised with it.

    >>> halve_batch_on_out_of_memory(lambda batch_size: f"batches of {batch_size}", 2, "images", "use --device cpu")
    ('batches of 2', 2)
    """
    requested = batch_size
    while (result := _run_or_none(run, batch_size)) is None:
        if batch_size <= 1:
            raise MemoryError(f"the GPU is out of memory with {items} one by one; {remedy}")
        batch_size //= 2
        torch.cuda.empty_cache()
    if batch_size < requested:
        logger.warning("the GPU is out of memory with %d %s at once; going on with %d", requested, items, batch_size)
    return result, batch_size


def _run_or_none(run: Callable[[int], T], batch_size: int) -> T | None:
    """None where the GPU is out of memory. On return the error, which holds on to some memory, is released."""
    try:
        return run(batch_size)
    except torch.OutOfMemoryError:
        return None
