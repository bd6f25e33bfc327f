"""A worker: a process of its own that does one task after another, is watched, and is replaced when it dies."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from pose_track.batch.child import Message, Start
from pose_track.batch.task import Limits, Outcome, Progress, Task, WorkerSetup
from pose_track.utils.machine import resident_bytes

_PACKAGES = Path(__file__).parents[2]
_POLL_SECONDS = 0.2
_STOP_SECONDS = 20.0  # in which a worker that was asked to stop ends its task
_TAIL_BYTES = 2000


class WorkerProcess:
    """A worker that runs tasks, one at a time. `run` and `close` are called by one thread, `stop` by any.

    The process starts with the first task and stays for the next ones, with what its handler keeps. A task that is over
    a limit, and one whose process dies, fails; the next one has a new process.

    cores: on which it runs, () for all. environment: variables besides those of this process.
    peak_bytes: the most memory that it was seen to use.
    """

    def __init__(
        self, setup: WorkerSetup, cores: Sequence[int] = (), environment: dict[str, str] | None = None
    ) -> None:
        self._setup, self._cores = setup, tuple(cores)
        self._environment = {**_threads(len(self._cores)), **(environment or {})}
        self._child: _Child | None = None
        self._stop_at: float | None = None
        self.peak_bytes = 0

    def run(self, task: Task, report: Callable[[Progress], None] = lambda progress: None) -> Outcome:
        """Do a task. report: called with its progress, twice a second."""
        if self._stop_at is not None:
            return Outcome("stopped")
        if self._child is None or not self._child.is_alive():
            self._child = _Child(Start(self._setup, self._cores), self._environment)
        child = self._child
        child.give(task)
        watch = _Watch(self._setup.limits, child.pid)
        while True:
            message = child.next_message(_POLL_SECONDS)
            if message is not None and message.outcome is not None:
                return _with_log(message.outcome, task)
            if message == Message():  # it is ready: only now the time of the task begins
                watch = _Watch(self._setup.limits, child.pid)
            if message is not None and message.progress is not None:
                watch.saw(message.progress)
                report(message.progress)
            fault = self._fault(child, watch)
            self.peak_bytes = max(self.peak_bytes, watch.bytes)
            if fault is not None:
                child.kill()
                self._child = None
                return _with_log(fault, task)

    def _fault(self, child: _Child, watch: _Watch) -> Outcome | None:
        """Why the task cannot go on, if it cannot."""
        if child.has_ended:
            if self._stop_at is not None:
                return Outcome("stopped")
            return Outcome("failed", f"its process died: {_words(child.exit_code())}", retry=True)
        if self._stop_at is not None and time.monotonic() > self._stop_at:
            return Outcome("stopped", "it did not end when it was asked to, and was killed")
        return watch.fault()

    def stop(self) -> None:
        """Ask the task in hand to end, which then has a state to go on from; there will be no other."""
        self._stop_at = time.monotonic() + _STOP_SECONDS
        if self._child is not None:
            self._child.terminate()

    def close(self) -> None:
        """End the process, which has no task."""
        if self._child is not None:
            self._child.close()


class _Child:
    """The process, and the messages that it sends."""

    def __init__(self, start: Start, environment: dict[str, str]) -> None:
        path = os.pathsep.join(filter(None, (str(_PACKAGES), os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pose_track.batch.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**os.environ, **environment, "PYTHONPATH": path, "TQDM_DISABLE": "1"},
            start_new_session=True,  # Ctrl-C of a terminal goes to the batch alone, which stops its workers
        )
        self.pid = self._process.pid
        self.has_ended = False
        self._messages: queue.Queue[Message | None] = queue.Queue()
        threading.Thread(target=self._read, name=f"worker {self.pid}", daemon=True).start()
        self._write(msgspec.json.encode(start))

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in iter(stdout.readline, b""):
                if not line.endswith(b"\n"):  # it was killed within a line
                    break
                self._messages.put(msgspec.json.decode(line, type=Message))
        self._messages.put(None)

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        rest = memoryview(line + b"\n")
        try:
            while rest:
                rest = rest[self._process.stdin.write(rest) :]
        except BrokenPipeError:  # the end of its messages says that it died
            pass

    def give(self, task: Task) -> None:
        self._write(msgspec.json.encode(task))

    def next_message(self, timeout_seconds: float) -> Message | None:
        """The next message, None for none in this time; `has_ended` after the last."""
        try:
            message = self._messages.get(timeout=timeout_seconds)
        except queue.Empty:
            return None
        self.has_ended = message is None
        return message

    def is_alive(self) -> bool:
        return not self.has_ended and self._process.poll() is None

    def exit_code(self) -> int:
        try:
            return self._process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self.exit_code()


class _Watch:
    """Tells when a task is over its limits. bytes: of memory, when it was last looked at."""

    def __init__(self, limits: Limits, pid: int) -> None:
        self._limits, self._pid = limits, pid
        self._began = self._moved = time.monotonic()
        self._progress: Progress | None = None
        self.bytes = 0

    def saw(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.is_waiting:
            self._began = now
        if progress != self._progress or progress.is_waiting:
            self._progress, self._moved = progress, now

    def fault(self) -> Outcome | None:
        limits, now = self._limits, time.monotonic()
        frames = 0 if self._progress is None else self._progress.frames
        if limits.seconds is not None and now - self._began > limits.seconds:
            return Outcome("failed", f"it took more than {limits.seconds:g} seconds, for {frames} frames")
        if limits.stall_seconds is not None and now - self._moved > limits.stall_seconds:
            text = f"no frame came in {limits.stall_seconds:g} seconds, after {frames} frames"
            return Outcome("failed", text, retry=True)
        self.bytes = resident_bytes(self._pid) or 0
        if limits.memory_bytes is not None and self.bytes > limits.memory_bytes:
            text = f"it used {self.bytes / 2**30:.1f} GiB of memory, more than {limits.memory_bytes / 2**30:.1f}"
            return Outcome("failed", text, retry=True)  # a process that did many tasks before may have grown
        return None


def _threads(cores: int) -> dict[str, str]:
    """Numbers of threads for libraries that take them from the environment."""
    return {"OMP_NUM_THREADS": str(cores)} if cores else {}


def _words(code: int) -> str:
    """
    >>> _words(-9), _words(1)
    ('killed by SIGKILL', 'exit code 1')
    """
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _with_log(outcome: Outcome, task: Task) -> Outcome:
    """A failure with the end of its log."""
    if outcome.status != "failed" or task.log is None:
        return outcome
    try:
        with open(task.log, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            tail = file.read().decode(errors="replace")
    except OSError:
        return outcome
    return replace(outcome, log_tail=tail)
