"""Stages at work at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threads_ahead import num_ahead

from pose_track.utils.prefetch import Prefetcher


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    num=st.integers(0, 30), sizes=st.lists(st.integers(1, 5), max_size=4), fails_after=st.none() | st.integers(0, 30)
)
def test_order_and_errors_are_those_of_the_items(num: int, sizes: list[int], fails_after: int | None) -> None:
    def items() -> Iterator[int]:
        for item in range(num):
            if item == fails_after:
                raise ValueError("here")
            yield item

    found, error = [], None
    try:
        with Prefetcher() as overlap:
            chained: Iterator[int] = items()
            for size in sizes:
                chained = overlap.ahead(chained, size)
            found.extend(chained)
    except ValueError as fault:
        error = str(fault)
    fails = fails_after is not None and fails_after < num
    assert found == list(range(fails_after if fails and fails_after is not None else num))
    assert error == ("here" if fails else None)
    assert num_ahead() == 0


def test_each_stage_has_a_thread_and_works_ahead() -> None:
    """Each of two stages waits until the other is at work as well: in turn they never could."""
    both = threading.Barrier(2, timeout=10)
    names = []

    def stage(items: Iterator[int]) -> Iterator[int]:
        for item in items:
            if item == 1:
                names.append(threading.current_thread().name)
                both.wait()
            yield item

    with Prefetcher() as overlap:
        first = overlap.ahead(stage(iter([1, 2])), 1)
        second = overlap.ahead(stage(iter([1, 2])), 1)
        assert [*first, *second] == [1, 2, 1, 2]
    assert len(set(names)) == 2


@pytest.mark.parametrize("size", [1, 3])
def test_no_more_than_size_are_made_ahead(size: int) -> None:
    made = []
    is_full = threading.Event()

    def items() -> Iterator[int]:
        for item in range(100):
            made.append(item)
            if item == size:  # it waits for a place from here
                is_full.set()
            yield item

    with Prefetcher() as overlap:
        ahead = overlap.ahead(items(), size)
        assert is_full.wait(10)
        assert made == list(range(size + 1))
        assert next(ahead) == 0


def test_leaving_stops_threads_that_wait_and_closes_their_items() -> None:
    closed = []

    def endless(name: str) -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.append((name, threading.current_thread() is threading.main_thread()))

    with Prefetcher() as overlap:
        source = overlap.ahead(endless("source"), 1)
        next(overlap.ahead((item + 1 for item in source), 2))
    assert closed == [("source", False)]
    assert num_ahead() == 0


def test_an_error_outside_passes_and_stops_the_threads() -> None:
    def leave_early() -> None:
        with Prefetcher() as overlap:
            next(overlap.ahead(iter(range(10**9)), 2))
            raise KeyError("outside")

    with pytest.raises(KeyError, match="outside"):
        leave_early()
    assert num_ahead() == 0


def test_nothing_is_kept_of_what_was_taken() -> None:
    import gc
    import weakref

    class Large: ...

    kept: list[weakref.ref[Large]] = []

    def items() -> Iterator[Large]:
        for _ in range(6):
            item = Large()
            kept.append(weakref.ref(item))
            yield item
            del item

    with Prefetcher() as overlap:
        for item in overlap.ahead(items(), 1):
            del item
            gc.collect()
            assert sum(ref() is not None for ref in tuple(kept)) <= 3
    assert not any(ref() is not None for ref in kept)


def test_a_queue_of_no_size() -> None:
    with Prefetcher() as overlap, pytest.raises(ValueError, match="size must be at least 1, got 0"):
        overlap.ahead([], 0)
