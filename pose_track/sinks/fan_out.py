"""Results to several sinks, each with a thread and a bounded queue of its own, so that none stalls the tracker."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType

import numpy as np

from pose_track.pipeline.live_result import LiveResult
from pose_track.sinks.sink import Sink, StopRun

logger = logging.getLogger(__name__)

MAX_WAITING_POSES = 300
"""Frames without images that wait for a slow sink, at most; of frames with images only the newest waits."""

_NO_IMAGE = np.zeros((0, 0, 3), np.uint8)


class Sinks:
    """Delivers each result to all sinks; a context manager, which owns them.

    An error of a sink ends this sink only, with a warning. Leaving the context sends what still waits, for
    `close_seconds` at most, and closes the sinks.

    stop_requested: set where the user ends the run at a sink, see `StopRun`.

        with Sinks([Window()]) as sinks:
            while not sinks.stop_requested.is_set():
                sinks.show(next_result())
    """

    def __init__(self, sinks: Sequence[Sink], close_seconds: float = 2.0) -> None:
        self.stop_requested = threading.Event()
        self._close_seconds = close_seconds
        self._workers = [_Worker(sink, self.stop_requested) for sink in sinks]

    def __enter__(self) -> Sinks:
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        deadline = time.monotonic() + self._close_seconds
        for worker in self._workers:
            worker.finish()
        for worker in self._workers:
            worker.join(deadline)

    def show(self, result: LiveResult) -> None:
        """Hand a result to every sink; returns at once. Where a sink is too slow, its oldest result is dropped."""
        for worker in self._workers:
            worker.put(result)

    def summary(self) -> list[str]:
        """A line for each sink that dropped frames or failed, such as "window: 12 of 400 frames dropped"."""
        return [line for worker in self._workers if (line := worker.summary())]


class _Worker:
    """A sink with its thread. The thread is a daemon: one that hangs does not keep the program from ending."""

    def __init__(self, sink: Sink, stop_requested: threading.Event) -> None:
        self._sink, self._stop_requested = sink, stop_requested
        self._waiting = deque[LiveResult](maxlen=MAX_WAITING_POSES if sink.poses_only else 1)
        self._changed = threading.Condition()
        self._finished = self._failed = False
        self._shown = self._dropped = 0
        self._thread = threading.Thread(target=self._run, name=f"sink {sink.name}", daemon=True)
        self.start = self._thread.start

    def put(self, result: LiveResult) -> None:
        if self._sink.poses_only:
            result = _without_image(result)
        with self._changed:
            if self._finished:
                return
            self._shown += 1
            self._dropped += len(self._waiting) == self._waiting.maxlen
            self._waiting.append(result)
            self._changed.notify()

    def finish(self) -> None:
        """No result follows; the thread ends once it has sent those that wait."""
        with self._changed:
            self._finished = True
            self._changed.notify()

    def join(self, deadline: float) -> None:
        """Wait for the thread, until a time of `time.monotonic`; drop what waits then."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        with self._changed:
            self._dropped += len(self._waiting)
            self._waiting.clear()
        if self._thread.is_alive():
            logger.warning("%s: does not take its last frames, and is left behind", self._sink.name)

    def summary(self) -> str:
        dropped = f"{self._dropped} of {self._shown} frames dropped" if self._dropped else ""
        facts = ", ".join(filter(None, ("failed" if self._failed else "", dropped)))
        return f"{self._sink.name}: {facts}" if facts else ""

    def _run(self) -> None:
        try:
            while (result := self._take()) is not None:
                self._sink.send(result)
        except StopRun:
            self._stop_requested.set()
        except Exception as error:  # of any library below a sink; the tracker and the other sinks go on
            self._failed = True
            logger.warning("%s: %s; it gets no more frames", self._sink.name, error)
        self.finish()
        self._close_sink()

    def _take(self) -> LiveResult | None:
        """The oldest result that waits; None once there is none and none follows."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._finished)
            return self._waiting.popleft() if self._waiting else None

    def _close_sink(self) -> None:
        try:
            self._sink.close()
        except Exception as error:
            if not self._failed:
                logger.warning("%s: cannot be closed: %s", self._sink.name, error)
            self._failed = True


def _without_image(result: LiveResult) -> LiveResult:
    """The same people; hundreds of results with images would take gigabytes."""
    frame = replace(result.frame, image=_NO_IMAGE)
    return LiveResult(frame, result.people, lambda image, people: image)
