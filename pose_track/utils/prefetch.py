"""Stages that work at the same time: each is read ahead in a thread of its own, with a bounded queue behind it.

Decoding, the networks, OpenCV and the encoder leave Python's lock while they work, so that threads are enough.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")

_PATIENCE_SECONDS = 0.5  # after which a waiting thread looks again, so that Ctrl-C is noticed on every system


class _Stopped(Exception):
    """The context was left; there is nobody to work for."""


class _Queue(Generic[T]):
    """What one thread has made and the next has not taken yet. error: what ended it early; closed: nothing follows."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.items = deque[T]()
        self.closed = False
        self.error: BaseException | None = None


class Prefetcher:
    """A context in which iterables are read ahead; leaving it stops all threads and waits for them.

    >>> with Prefetcher() as overlap:
    ...     squares = overlap.ahead((n * n for n in range(5)), 2)
    ...     list(overlap.ahead((n + 1 for n in squares), 2))
    [1, 2, 5, 10, 17]
    """

    def __init__(self) -> None:
        self._change = threading.Condition()  # of any queue
        self._stopped = False
        self._threads: list[threading.Thread] = []

    def ahead(self, items: Iterable[T], size: int) -> Iterator[T]:
        """The same items in the same order, of which up to `size` are made before they are asked for.

        What `items` raises is raised here, after the items before it. A generator is closed, in the thread that read
        it, when the context is left. Raises ValueError for a size below 1.
        """
        if size < 1:
            raise ValueError(f"size must be at least 1, got {size!r}")
        queue = _Queue[T](size)
        thread = threading.Thread(
            target=self._fill, args=(queue, items), name=f"ahead {len(self._threads)}", daemon=True
        )
        self._threads.append(thread)
        thread.start()
        return self._taken(queue)

    def _fill(self, queue: _Queue[T], items: Iterable[T]) -> None:
        try:
            for item in items:
                self._put(queue, item)
                del item  # it may be a large picture, and the next one takes its time
        except _Stopped:
            pass
        except BaseException as error:  # raised again where the items are taken
            queue.error = error
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()
            with self._change:
                queue.closed = True
                self._change.notify_all()

    def _put(self, queue: _Queue[T], item: T) -> None:
        with self._change:
            while len(queue.items) == queue.size and not self._stopped:
                self._change.wait(_PATIENCE_SECONDS)
            if self._stopped:
                raise _Stopped
            queue.items.append(item)
            self._change.notify_all()

    def _taken(self, queue: _Queue[T]) -> Iterator[T]:
        while True:
            with self._change:
                while not queue.items and not queue.closed and not self._stopped:
                    self._change.wait(_PATIENCE_SECONDS)
                if self._stopped:
                    raise _Stopped
                if not queue.items:
                    break
                self._change.notify_all()
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
        with self._change:
            self._stopped = True
            self._change.notify_all()
        for thread in self._threads:
            thread.join()
