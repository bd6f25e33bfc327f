"""Interrupts that wait until the work can stop cleanly."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable
from types import FrameType
from typing import Any


class DeferredInterrupt:
    """A context in which the first of the signals only sets `requested`; a second one acts as usual.

    Only the main thread may set signal handlers; in another thread signals act as usual. A signal that the process
    ignores stays ignored.
    """

    def __init__(self, signals: Iterable[signal.Signals] = (signal.SIGINT,)) -> None:
        self.requested = False
        self._signals = tuple(signals)
        self._previous: dict[signal.Signals, Any] = {}

    def check(self) -> None:
        """Raises KeyboardInterrupt after a signal."""
        if self.requested:
            raise KeyboardInterrupt

    def __enter__(self) -> DeferredInterrupt:
        if threading.current_thread() is threading.main_thread():
            for number in self._signals:
                handler = signal.getsignal(number)
                if handler not in (signal.SIG_IGN, None):  # None: not set from Python, and cannot be restored
                    self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._restore()

    def _request(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
