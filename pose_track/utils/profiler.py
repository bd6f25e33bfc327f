"""Where the time goes: what each stage took, and a trace of every call for chrome://tracing or ui.perfetto.dev."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, Protocol, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

NETWORK = "network"  # what the names of stages begin with in which a network runs
_END: Any = object()


class Profiler(Protocol):
    """What may be told of calls and of waiting: a `Profile`, or `UNPROFILED`, which notes nothing."""

    def timed(self, name: str, call: Callable[P, R]) -> Callable[P, R]: ...
    def each(self, name: str, items: Iterable[T]) -> Iterable[T]: ...


@dataclass
class StageTime:
    """What a stage took in all threads: seconds on the clock, without those of the stages called inside it."""

    seconds: float = 0.0
    calls: int = 0


class Profile:
    """Notes when each stage begins and ends; a context manager. Shares are of the whole, which goes from the first
    beginning of a stage to the end of the manager's body.

    Stages may be called inside one another and from any thread. trace: a file for a Chrome trace of all calls, written
    as they end, so that memory does not grow with their number; its "otherData" holds `summary()`. The file is whole
    only when the profile is closed, which leaving the body does, also by an error. Raises OSError.

        with Profile(Path("profile.json")) as profile:
            detect = profile.timed("detect", detect)
            for frame in profile.each("decode", frames):
                detect(frame)
        print(profile.table())
    """

    def __init__(self, trace: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._inside = threading.local()  # .spans: those open in this thread, the innermost last
        self._stages: dict[str, StageTime] = {}
        self._networks_open = 0
        self._file = None if trace is None else trace.open("w", encoding="utf-8")
        if self._file is not None:
            self._file.write('{"traceEvents": [')
        self._separator = "\n"
        self._started: float | None = None  # when the first stage began
        self._quiet_since = 0.0
        self._quiet = 0.0  # seconds without any network, up to the last that began
        self._ended: float | None = None

    def timed(self, name: str, call: Callable[P, R]) -> Callable[P, R]:
        """The same function, whose calls are noted, also those that raise."""

        def noted(*args: P.args, **kwargs: P.kwargs) -> R:
            with _Span(self, name):
                return call(*args, **kwargs)

        return noted

    def each(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """The same items; the time in which each is waited for is noted. Closing this closes a generator of items."""
        iterator = iter(items)
        try:
            while True:
                with _Span(self, name) as span:
                    item = next(iterator, _END)
                    span.calls = int(item is not _END)
                if item is _END:
                    return
                yield item
        finally:
            if isinstance(iterator, Generator):
                iterator.close()

    def close(self) -> None:
        """End the whole, and the trace. What ends later is not noted. Does nothing the second time."""
        with self._lock:
            if self._ended is not None:
                return
            self._ended = time.perf_counter()
        if self._file is not None:
            self._file.write(f'\n], "otherData": {json.dumps(self.summary())}}}\n')
            self._file.close()

    def __enter__(self) -> Profile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def stages(self) -> dict[str, StageTime]:
        """By name, the longest first."""
        with self._lock:
            found = [(name, StageTime(one.seconds, one.calls)) for name, one in self._stages.items()]
        return dict(sorted(found, key=lambda pair: -pair[1].seconds))

    @property
    def seconds(self) -> float:
        """The whole on the clock: until the profile was closed, or until now."""
        return 0.0 if self._started is None else self._until() - self._started

    @property
    def seconds_without_network(self) -> float:
        """On the clock, in which no stage that is a network was open in any thread."""
        with self._lock:
            still = self._started is not None and not self._networks_open
            return self._quiet + (self._until() - self._quiet_since if still else 0.0)

    def _until(self) -> float:
        return time.perf_counter() if self._ended is None else self._ended

    def summary(self) -> dict[str, Any]:
        """All figures, as values for JSON. Shares are of the whole.

        share_without_network: time in which no network ran anywhere. share_of_other_stages: the sum of all stages that
        are no network; what of it ran beside one counts here, and not there.
        """
        stages, whole = self.stages, self.seconds
        scale = 1 / whole if whole else 0.0
        others = sum(one.seconds for name, one in stages.items() if not name.startswith(NETWORK))
        return {
            "seconds": whole,
            "share_without_network": self.seconds_without_network * scale,
            "share_of_other_stages": others * scale,
            "stages": {name: {"seconds": one.seconds, "calls": one.calls} for name, one in stages.items()},
        }

    def table(self) -> str:
        """The stages as lines to print, the longest first, and what may be said of them together."""
        found = self.summary()
        whole = found["seconds"]
        lines = [f"{'stage':<20}{'seconds':>10}{'share':>8}{'calls':>9}{'ms a call':>11}"]
        for name, one in self.stages.items():
            each = 1000 * one.seconds / max(one.calls, 1)
            share = one.seconds / whole if whole else 0.0
            lines.append(f"{name:<20}{one.seconds:>10.2f}{share:>8.1%}{one.calls:>9}{each:>11.2f}")
        return "\n".join(
            [
                *lines,
                f"the whole: {whole:.2f} s; no network ran in {found['share_without_network']:.1%} of it; stages that "
                f"are no network took {found['share_of_other_stages']:.1%} of it",
                "a stage's time is without that of stages inside it; threads run side by side, so shares may sum to "
                "more than 100 %",
            ]
        )

    def _begin(self, span: _Span) -> None:
        spans = self._spans()
        spans.append(span)
        if span.is_network or self._started is None:
            with self._lock:
                self._begin_network(span.is_network)
        span.started = time.perf_counter()

    def _begin_network(self, is_network: bool) -> None:
        """Note that one more network is open, or that the whole begins."""
        now = time.perf_counter()
        if self._started is None:
            self._started = self._quiet_since = now
        if is_network and self._networks_open == 0:
            self._quiet += now - self._quiet_since
        self._networks_open += is_network

    def _end(self, span: _Span) -> None:
        ended = time.perf_counter()
        took = ended - span.started
        spans = self._spans()
        spans.pop()
        if spans:
            spans[-1].inside += took
        with self._lock:
            if self._ended is not None:
                return
            if span.is_network:
                self._networks_open -= 1
                self._quiet_since = max(self._quiet_since, ended)
            stage = self._stages.setdefault(span.name, StageTime())
            stage.seconds += took - span.inside
            stage.calls += span.calls
            self._trace(span, took)

    def _spans(self) -> list[_Span]:
        """Those open in this thread. A thread that is new is told to the trace."""
        if not hasattr(self._inside, "spans"):
            self._inside.spans = []
            with self._lock:
                if self._ended is None:
                    self._put("M", "thread_name", args={"name": threading.current_thread().name})
        return cast("list[_Span]", self._inside.spans)

    def _trace(self, span: _Span, took: float) -> None:
        assert self._started is not None
        self._put("X", span.name, ts=round(1e6 * (span.started - self._started), 1), dur=round(1e6 * took, 1))

    def _put(self, phase: str, name: str, **more: object) -> None:
        """One event of the trace, whose times are in microseconds."""
        if self._file is None:
            return
        event = {"ph": phase, "name": name, "pid": os.getpid(), "tid": threading.get_native_id(), **more}
        self._file.write(self._separator + json.dumps(event))
        self._separator = ",\n"


class _Span:
    """A stage while it is open. inside: seconds of the stages called in it; calls: how many it counts for."""

    __slots__ = ("_profile", "calls", "inside", "is_network", "name", "started")

    def __init__(self, profile: Profile, name: str) -> None:
        self._profile, self.name = profile, name
        self.is_network = name.startswith(NETWORK)
        self.started, self.inside, self.calls = 0.0, 0.0, 1

    def __enter__(self) -> _Span:
        self._profile._begin(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._profile._end(self)


class _Unprofiled:
    """Notes nothing."""

    def timed(self, name: str, call: Callable[P, R]) -> Callable[P, R]:
        return call

    def each(self, name: str, items: Iterable[T]) -> Iterable[T]:
        return items


UNPROFILED: Profiler = _Unprofiled()
