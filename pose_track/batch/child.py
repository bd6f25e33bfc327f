"""The process of a worker: reads tasks from its stdin, and writes progress and outcomes to its stdout.

It ends when its stdin does, so that no worker outlives its batch, however that ended.
"""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import logging
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import msgspec

from pose_track.batch.task import Handler, Outcome, Progress, Task, WorkerSetup, make_handler
from pose_track.utils.interrupts import interrupt_on_stop_signals

_PROGRESS_SECONDS = 0.5
_GRACE_SECONDS = 15.0  # for a task to end cleanly once nobody waits for it
_FULL = (errno.ENOSPC, errno.EDQUOT)
_PERMANENT = (ValueError, FileNotFoundError, FileExistsError, PermissionError, ImportError)


@dataclass(frozen=True)
class Start:
    """The first line of stdin. cores: on which the process runs, where the system can be told so; () for all."""

    setup: WorkerSetup
    cores: tuple[int, ...] = ()


@dataclass(frozen=True)
class Message:
    """A line of stdout; the first one, which is empty, says that the process is ready."""

    progress: Progress | None = None
    outcome: Outcome | None = None


def main() -> None:
    start = msgspec.json.decode(sys.stdin.buffer.readline(), type=Start)
    if start.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, start.cores)  # before any library counts the cores
    messages = _Messages()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    with contextlib.suppress(KeyboardInterrupt), interrupt_on_stop_signals():
        tasks = _read_tasks()
        handler: Handler | None = None
        with contextlib.suppress(Exception):  # the first task will say why
            handler = make_handler(start.setup)
        messages.send(Message())
        _work(start.setup, handler, tasks, messages)


def _work(setup: WorkerSetup, handler: Handler | None, tasks: queue.Queue[Task | None], messages: _Messages) -> None:
    while (task := tasks.get()) is not None:
        with _log(task.log):
            try:
                handler = handler or make_handler(setup)
                with _reporting(handler, messages):
                    outcome = Outcome("done", result=handler.run(task))
            except KeyboardInterrupt as stop:
                outcome = Outcome("stopped", str(stop))
            except Exception as error:
                outcome = _failure(error)
        messages.send(Message(outcome=outcome))
        if outcome.status == "stopped":
            return


def _failure(error: Exception) -> Outcome:
    """The outcome of a task that raised an error. The traceback of an unexpected one goes into the log."""
    reason = " ".join(str(error).split())
    if isinstance(error, BlockingIOError):
        return Outcome("busy", reason)
    if isinstance(error, _permanent()) and reason:
        print(f"ERROR: {reason}", file=sys.stderr)
        return Outcome("failed", reason)
    traceback.print_exception(error)
    if isinstance(error, OSError) and _is_full(error):
        return Outcome("full", reason)
    return Outcome("failed", f"{type(error).__name__}{': ' if reason else ''}{reason}", retry=True)


def _permanent() -> tuple[type[Exception], ...]:
    from pose_track.video.source import DecodeError

    return (*_PERMANENT, DecodeError)


def _is_full(error: BaseException | None) -> bool:
    """Whether an error, or the one behind it, is that of a full disk."""
    return error is not None and (getattr(error, "errno", None) in _FULL or _is_full(error.__cause__))


class _Messages:
    """The stdout of this process, which nothing else writes to any more."""

    def __init__(self) -> None:
        self._file: BinaryIO = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError):  # the end of stdin ends this process
            self._file.write(msgspec.json.encode(message) + b"\n")


def _read_tasks() -> queue.Queue[Task | None]:
    """The tasks of stdin, as they come; None at its end, at which a task in hand is interrupted."""
    tasks: queue.Queue[Task | None] = queue.Queue()

    def read() -> None:
        for line in sys.stdin.buffer:
            tasks.put(msgspec.json.decode(line, type=Task))
        tasks.put(None)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=read, name="tasks", daemon=True).start()
    return tasks


@contextlib.contextmanager
def _reporting(handler: Handler, messages: _Messages) -> Iterator[None]:
    """A context in which progress is sent, every half second."""
    ended = threading.Event()

    def report() -> None:
        while not ended.wait(_PROGRESS_SECONDS):
            messages.send(Message(progress=handler.progress()))

    thread = threading.Thread(target=report, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def _log(path: str | None) -> Iterator[None]:
    """A context in which stdout and stderr, also of libraries in C, are appended to a file; nowhere for None."""
    try:
        if path is not None:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        file = os.open(path or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    except OSError:  # a full disk: the outcome says so
        file = os.open(os.devnull, os.O_WRONLY)
    before = os.dup(2)
    try:
        for descriptor in (1, 2):
            os.dup2(file, descriptor)
        faulthandler.enable()
        yield
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        for descriptor in (1, 2):
            os.dup2(before, descriptor)
        os.close(before)
        os.close(file)


if __name__ == "__main__":
    main()
