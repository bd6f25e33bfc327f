"""Signals that ask a program to stop, and interrupts that wait until the work can stop cleanly."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_HANGUP = getattr(signal, "SIGHUP", None)  # a closed terminal; Windows has no such signal
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, *([] if _HANGUP is None else [_HANGUP]))


class Interrupted(KeyboardInterrupt):
    """A signal asked the program to stop. number: the signal; SIGINT is that of Ctrl-C."""

    def __init__(self, number: int, message: str = "") -> None:
        name = signal.Signals(number).name
        super().__init__(message or ("interrupted by the user" if number == signal.SIGINT else f"stopped by {name}"))
        self.number = number


@contextmanager
def interrupt_on_stop_signals() -> Iterator[None]:
    """A context in which every one of STOP_SIGNALS raises a KeyboardInterrupt, as Ctrl-C does.

    A signal that is ignored, as after `nohup`, or has a handler already, keeps it. Outside the main thread nothing
    changes.
    """
    numbers = [number for number in STOP_SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    for number in numbers:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(number)


class DeferredInterrupt:
    """A context in which the first of the signals only sets `requested`; a second one acts as usual.

    A second SIGHUP is deferred too: the system and the shell both send one where a terminal is closed. Only the main
    thread may set signal handlers; in another thread signals act as usual. A signal that the process ignores stays
    ignored.
    """

    def __init__(self, signals: Iterable[signal.Signals] = STOP_SIGNALS) -> None:
        self._number: int | None = None
        self._signals = tuple(signals)
        self._previous: dict[signal.Signals, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether a signal came."""
        return self._number is not None

    def check(self, message: str = "") -> None:
        """Raises Interrupted after a signal, with this message in place of the usual one."""
        if self._number is not None:
            raise Interrupted(self._number, message)

    def __enter__(self) -> DeferredInterrupt:
        if threading.current_thread() is threading.main_thread():
            for number in self._signals:
                handler = signal.getsignal(number)
                if handler not in (signal.SIG_IGN, None):  # None: not set from Python, and cannot be restored
                    self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._restore(list(self._previous))

    def _request(self, number: int, _frame: FrameType | None) -> None:
        self._number = number if self._number is None else self._number
        self._restore([one for one in self._previous if one is not _HANGUP])

    def _restore(self, numbers: Iterable[signal.Signals]) -> None:
        for number in numbers:
            signal.signal(number, self._previous.pop(number))
