from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefetch_threads import num_prefetch_threads

from pose_track.utils.prefetch import Prefetcher


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    num=st.integers(0, 30), sizes=st.lists(st.integers(1, 5), max_size=4), fails_after=st.none() | st.integers(0, 30)
)
def test_order_and_errors_are_references(num: int, sizes: list[int], fails_after: int | None) -> None:
    def items() -> Iterator[int]:
        for item in range(num):
            if item == fails_after:
                raise ValueError("here")
            yield item

    results, error = [], None
    try:
        with Prefetcher() as prefetcher:
            chained: Iterator[int] = items()
            for size in sizes:
                chained = prefetcher.prefetch(chained, size)
            results.extend(chained)
    except ValueError as raised:
        error = str(raised)
    fails = fails_after is not None and fails_after < num
    assert results == list(range(fails_after if fails and fails_after is not None else num))
    assert error == ("here" if fails else None)
    assert num_prefetch_threads() == 0


def test_each_stage_has_its_own_thread() -> None:
    """Each of two stages waits until the other has started; one after the other they never would."""
    both = threading.Barrier(2, timeout=10)
    names = []

    def stage(items: Iterator[int]) -> Iterator[int]:
        for item in items:
            if item == 1:
                names.append(threading.current_thread().name)
                both.wait()
            yield item

    with Prefetcher() as prefetcher:
        first = prefetcher.prefetch(stage(iter([1, 2])), 1)
        second = prefetcher.prefetch(stage(iter([1, 2])), 1)
        assert [*first, *second] == [1, 2, 1, 2]
    assert len(set(names)) == 2


@pytest.mark.parametrize("size", [1, 3])
def test_at_most_size_items_are_produced_ahead(size: int) -> None:
    produced = []
    is_full = threading.Event()

    def items() -> Iterator[int]:
        for item in range(100):
            produced.append(item)
            if item == size:  # from here on it waits for room in the queue
                is_full.set()
            yield item

    with Prefetcher() as prefetcher:
        items_ahead = prefetcher.prefetch(items(), size)
        assert is_full.wait(10)
        assert produced == list(range(size + 1))
        assert next(items_ahead) == 0


def test_leaving_stops_waiting_threads_and_closes_generators() -> None:
    closed = []

    def endless(name: str) -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.append((name, threading.current_thread() is threading.main_thread()))

    with Prefetcher() as prefetcher:
        source = prefetcher.prefetch(endless("source"), 1)
        next(prefetcher.prefetch((item + 1 for item in source), 2))
    assert closed == [("source", False)]
    assert num_prefetch_threads() == 0


def test_error_in_the_body_stops_the_threads() -> None:
    def leave_early() -> None:
        with Prefetcher() as prefetcher:
            next(prefetcher.prefetch(iter(range(10**9)), 2))
            raise KeyError("body")

    with pytest.raises(KeyError, match="body"):
        leave_early()
    assert num_prefetch_threads() == 0


def test_no_reference_to_consumed_items_is_held() -> None:
    import gc
    import weakref

    class Large: ...

    references: list[weakref.ref[Large]] = []

    def items() -> Iterator[Large]:
        for _ in range(6):
            item = Large()
            references.append(weakref.ref(item))
            yield item
            del item

    with Prefetcher() as prefetcher:
        for item in prefetcher.prefetch(items(), 1):
            del item
            gc.collect()
            assert sum(ref() is not None for ref in tuple(references)) <= 3
    assert not any(ref() is not None for ref in references)


def test_size_below_one() -> None:
    with Prefetcher() as prefetcher, pytest.raises(ValueError, match=r"size.* 0"):
        prefetcher.prefetch([], 0)
