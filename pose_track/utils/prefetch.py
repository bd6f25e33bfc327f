"""Stages that run concurrently: each works ahead in a thread of its own and fills a bounded queue.

Decoding, networks, OpenCV and encoding release Python's global lock while they work, so threads are enough.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")

_WAIT_SECONDS = 0.5  # a waiting thread wakes up this often, so that Ctrl-C is noticed on every system


class _Stopped(Exception):
    """The context was left, and nobody takes the items any more."""


class _Queue(Generic[T]):
    """Items that one thread has produced and the next has not taken yet.

    closed: no item follows.
    error: the exception that ended production; None where there was none.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.items = deque[T]()
        self.closed = False
        self.error: BaseException | None = None


class Prefetcher:
    """A context in which iterables are read ahead; leaving it stops all threads and waits for them.

    >>> with Prefetcher() as prefetcher:
    ...     squares = prefetcher.prefetch((n * n for n in range(5)), 2)
    ...     list(prefetcher.prefetch((n + 1 for n in squares), 2))
    [1, 2, 5, 10, 17]
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()  # of any queue
        self._stopped = False
        self._threads: list[threading.Thread] = []

    def prefetch(self, items: Iterable[T], size: int) -> Iterator[T]:
        """The same items in the same order; up to `size` of them are produced in advance, in a new thread.

        An exception of `items` is raised here, after the items before it. A generator is closed when the context is
        left, in the thread that reads it. Raises ValueError for a size below 1.
        """
        if size < 1:
            raise ValueError(f"size must be at least 1, got {size!r}")
        queue = _Queue[T](size)
        name = f"prefetch {len(self._threads)}"
        thread = threading.Thread(target=self._produce, args=(queue, items), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
        return self._consume(queue)

    def _produce(self, queue: _Queue[T], items: Iterable[T]) -> None:
        try:
            for item in items:
                self._put(queue, item)
                del item  # it may be a large image, and the next one takes time
        except _Stopped:
            pass
        except BaseException as error:  # raised again by the consumer
            queue.error = error
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()
            with self._changed:
                queue.closed = True
                self._changed.notify_all()

    def _put(self, queue: _Queue[T], item: T) -> None:
        with self._changed:
            while len(queue.items) == queue.size and not self._stopped:
                self._changed.wait(_WAIT_SECONDS)
            if self._stopped:
                raise _Stopped
            queue.items.append(item)
            self._changed.notify_all()

    def _consume(self, queue: _Queue[T]) -> Iterator[T]:
        while True:
            with self._changed:
                while not queue.items and not queue.closed and not self._stopped:
                    self._changed.wait(_WAIT_SECONDS)
                if self._stopped:
                    raise _Stopped
                if not queue.items:
                    break
                self._changed.notify_all()
                item = queue.items.popleft()
            yield item
            del item
        if queue.error is not None:
            raise queue.error

    def __enter__(self) -> Prefetcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
