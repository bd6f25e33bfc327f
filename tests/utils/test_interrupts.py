from __future__ import annotations

import os
import signal
import threading

import pytest

from pose_track.utils.interrupts import STOP_SIGNALS, DeferredInterrupt, Interrupted, interrupt_on_stop_signals

BOTH = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize("number", BOTH)
def test_first_signal_is_deferred_and_second_acts(number: signal.Signals) -> None:
    calls = []
    before = signal.signal(number, lambda *_: calls.append(number))
    try:
        with DeferredInterrupt(BOTH) as interrupt:
            assert not interrupt.requested
            interrupt.check()
            os.kill(os.getpid(), number)
            assert interrupt.requested
            with pytest.raises(KeyboardInterrupt):
                interrupt.check()
            assert not calls
            os.kill(os.getpid(), number)
            assert calls == [number]
        os.kill(os.getpid(), number)
        assert calls == [number, number]
    finally:
        signal.signal(number, before)


def test_handlers_are_restored() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with DeferredInterrupt(BOTH):
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_only_the_given_signals_are_deferred() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with DeferredInterrupt([signal.SIGINT]):
        assert signal.getsignal(signal.SIGTERM) == before


def test_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with DeferredInterrupt() as interrupt:
            os.kill(os.getpid(), signal.SIGINT)
            assert not interrupt.requested
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_set_no_handlers() -> None:
    requested: list[bool] = []

    def work() -> None:
        with DeferredInterrupt() as interrupt:
            requested.append(interrupt.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert requested == [False]


def test_a_second_hangup_is_deferred_too() -> None:
    """A closed terminal sends two."""
    with interrupt_on_stop_signals(), DeferredInterrupt() as interrupt:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGHUP)
        with pytest.raises(Interrupted) as caught:
            interrupt.check()
        assert caught.value.number == signal.SIGHUP


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_stop_signals_interrupt_as_ctrl_c_does(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with interrupt_on_stop_signals(), pytest.raises(KeyboardInterrupt, match=number.name):
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_signals_that_nohup_ignores_stay_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupt_on_stop_signals():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert signal.SIGHUP in STOP_SIGNALS
