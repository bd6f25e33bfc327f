"""Going on where a GPU is out of memory: with half as much at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import torch

T = TypeVar("T")

logger = logging.getLogger(__name__)


def as_room_allows(run: Callable[[int], T], at_once: int, what: str, remedy: str) -> tuple[T, int]:
    """What `run(at_once)` gives, with half as many at once each time the GPU is out of memory, and with how many that
    was; fewer are logged. what: things, in the plural; remedy: if there is no room for a single one.

    Raises MemoryError then.

    >>> as_room_allows(lambda at_once: f"four by {at_once}", 2, "pictures", "use --device cpu")
    ('four by 2', 2)
    """
    tried = at_once
    while (found := _unless_out_of_memory(run, at_once)) is None:
        if at_once <= 1:
            raise MemoryError(f"the GPU is out of memory with {what} one by one; {remedy}")
        at_once //= 2
        torch.cuda.empty_cache()
    if at_once < tried:
        logger.warning("the GPU is out of memory with %d %s at once; going on with %d", tried, what, at_once)
    return found, at_once


def _unless_out_of_memory(run: Callable[[int], T], at_once: int) -> T | None:
    """None where the memory did not do; by then the error, which holds on to some of it, is gone."""
    try:
        return run(at_once)
    except torch.OutOfMemoryError:
        return None
