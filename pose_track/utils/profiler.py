"""Time of each stage, by the clock and of the processor, and a trace for chrome://tracing or ui.perfetto.dev."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, Protocol, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

NETWORK = "network"  # prefix of the names of stages that run a network
DECODE = "decode"  # the stage whose items are the frames
_END: Any = object()


class Profiler(Protocol):
    """Records calls and iterations: a `Profile`, or `NULL_PROFILER`, which records nothing."""

    def timed(self, name: str, call: Callable[P, R]) -> Callable[P, R]: ...
    def timed_items(self, name: str, items: Iterable[T]) -> Iterable[T]: ...


@dataclass
class StageTime:
    """Time of a stage.

    seconds: wall-clock self time, summed over all threads; stages called inside this one are excluded.
    calls: number of calls, or of items.
    cpu_seconds: the same of the processor's time, which waiting for a core does not lengthen. It is that of the thread
        that runs the stage: what libraries do in threads of their own, as networks and the codecs of FFmpeg, is not in
        it.
    """

    seconds: float = 0.0
    calls: int = 0
    cpu_seconds: float = 0.0


class Profile:
    """Records the start and end of each stage; a context manager.

    Stages may be nested and may run in any thread. Shares are of the total time, from the start of the first stage to
    the end of the `with` body.

    trace: a file for a Chrome trace. Each call is written when it ends, so memory does not grow with the number of
    calls. "otherData" holds `summary()`. The file is complete once the profile is closed, which the end of the body
    does, also after an error. Raises OSError.

        with Profile(Path("profile.json")) as profile:
            detect = profile.timed("detect", detect)
            for frame in profile.timed_items("decode", frames):
                detect(frame)
        print(profile.table())
    """

    def __init__(self, trace: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._local = threading.local()  # .spans: those open in this thread, the innermost last
        self._stages: dict[str, StageTime] = {}
        self._open_networks = 0
        self._file = None if trace is None else trace.open("w", encoding="utf-8")
        if self._file is not None:
            self._file.write('{"traceEvents": [')
        self._separator = "\n"
        self._started: float | None = None  # start of the first stage
        self._process_started = 0.0  # the same, in processor time of the process
        self._idle_since = 0.0  # when the last network ended
        self._idle = 0.0  # seconds without any open network, up to the start of the last one
        self._ended: float | None = None
        self._process_ended = 0.0

    def timed(self, name: str, call: Callable[P, R]) -> Callable[P, R]:
        """The same function; each call is recorded as stage `name`, also one that raises."""

        def recorded(*args: P.args, **kwargs: P.kwargs) -> R:
            with _Span(self, name):
                return call(*args, **kwargs)

        return recorded

    def timed_items(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """The same items; the time to produce each is recorded as stage `name`. Closing this closes a generator."""
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
        """End the total time and the trace; stages that end later are not recorded. A second call has no effect."""
        with self._lock:
            if self._ended is not None:
                return
            self._ended, self._process_ended = time.perf_counter(), time.process_time()
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
        """Stages by name, the longest first."""
        with self._lock:
            stages = [(name, replace(stage)) for name, stage in self._stages.items()]
        return dict(sorted(stages, key=lambda pair: -pair[1].seconds))

    @property
    def seconds(self) -> float:
        """Total wall-clock time until the profile was closed, or until now."""
        return 0.0 if self._started is None else self._until() - self._started

    @property
    def seconds_without_network(self) -> float:
        """Wall-clock time in which no thread ran a network."""
        with self._lock:
            is_idle = self._started is not None and not self._open_networks
            return self._idle + (self._until() - self._idle_since if is_idle else 0.0)

    def _until(self) -> float:
        return time.perf_counter() if self._ended is None else self._ended

    def summary(self) -> dict[str, Any]:
        """All values, ready for JSON. Shares are of the total time.

        share_without_network: time in which no thread ran a network.
        share_of_other_stages: sum of all stages that are not networks, also of what ran beside a network.
        other_cpu_ms_per_frame: milliseconds of the processor that these stages took for each decoded frame, see
            `StageTime.cpu_seconds`; process_cpu_ms_per_frame: that all threads of the process took.
        """
        stages, total = self.stages, self.seconds
        scale = 1 / total if total else 0.0
        others = [stage for name, stage in stages.items() if not name.startswith(NETWORK)]
        ms_per_frame = 1000 / max(stages[DECODE].calls if DECODE in stages else 0, 1)
        return {
            "seconds": total,
            "share_without_network": self.seconds_without_network * scale,
            "share_of_other_stages": sum(stage.seconds for stage in others) * scale,
            "other_cpu_ms_per_frame": sum(stage.cpu_seconds for stage in others) * ms_per_frame,
            "process_cpu_ms_per_frame": self._process_seconds() * ms_per_frame,
            "stages": {name: asdict(stage) for name, stage in stages.items()},
        }

    def _process_seconds(self) -> float:
        """Processor time of all threads of the process, from the start of the first stage on."""
        if self._started is None:
            return 0.0
        return (time.process_time() if self._ended is None else self._process_ended) - self._process_started

    def table(self) -> str:
        """The stages as lines of text, the longest first, and the other values of the summary."""
        summary = self.summary()
        total = summary["seconds"]
        lines = [f"{'stage':<28}{'seconds':>10}{'share':>8}{'calls':>9}{'ms/call':>11}{'CPU ms/call':>13}"]
        for name, stage in self.stages.items():
            per_call = 1000 / max(stage.calls, 1)
            share = stage.seconds / total if total else 0.0
            lines.append(
                f"{name:<28}{stage.seconds:>10.2f}{share:>8.1%}{stage.calls:>9}{stage.seconds * per_call:>11.2f}"
                f"{stage.cpu_seconds * per_call:>13.2f}"
            )
        return "\n".join(
            [
                *lines,
                f"total: {total:.2f} s; no network ran in {summary['share_without_network']:.1%} of it; stages other "
                f"than networks took {summary['share_of_other_stages']:.1%} of it",
                f"stages other than networks: {summary['other_cpu_ms_per_frame']:.1f} ms of CPU a frame; the whole "
                f"process: {summary['process_cpu_ms_per_frame']:.1f} ms",
                "a stage's time excludes the stages inside it; threads run concurrently, so shares may sum to more "
                "than 100 %",
                "CPU is that of the stage's own thread, without the threads of libraries: networks, FFmpeg's codecs",
            ]
        )

    def _begin(self, span: _Span) -> None:
        self._thread_spans().append(span)
        if span.is_network or self._started is None:
            with self._lock:
                self._begin_network(span.is_network)
        span.started, span.cpu_started = time.perf_counter(), time.thread_time()

    def _begin_network(self, is_network: bool) -> None:
        """Record that a network starts, or that the total time does."""
        now = time.perf_counter()
        if self._started is None:
            self._started = self._idle_since = now
            self._process_started = time.process_time()
        if is_network and self._open_networks == 0:
            self._idle += now - self._idle_since
        self._open_networks += is_network

    def _end(self, span: _Span) -> None:
        ended, cpu_ended = time.perf_counter(), time.thread_time()
        duration, cpu_duration = ended - span.started, cpu_ended - span.cpu_started
        spans = self._thread_spans()
        spans.pop()
        if spans:
            spans[-1].inner_seconds += duration
            spans[-1].inner_cpu_seconds += cpu_duration
        with self._lock:
            if self._ended is not None:
                return
            if span.is_network:
                self._open_networks -= 1
                self._idle_since = max(self._idle_since, ended)
            stage = self._stages.setdefault(span.name, StageTime())
            stage.seconds += duration - span.inner_seconds
            stage.cpu_seconds += cpu_duration - span.inner_cpu_seconds
            stage.calls += span.calls
            self._trace(span, duration)

    def _thread_spans(self) -> list[_Span]:
        """The spans that are open in this thread. The trace gets the name of a thread that is new."""
        if not hasattr(self._local, "spans"):
            self._local.spans = []
            with self._lock:
                if self._ended is None:
                    self._write_event("M", "thread_name", args={"name": threading.current_thread().name})
        return cast("list[_Span]", self._local.spans)

    def _trace(self, span: _Span, duration: float) -> None:
        assert self._started is not None
        start = round(1e6 * (span.started - self._started), 1)
        self._write_event("X", span.name, ts=start, dur=round(1e6 * duration, 1))

    def _write_event(self, phase: str, name: str, **fields: object) -> None:
        """Append one event to the trace. Times are in microseconds."""
        if self._file is None:
            return
        event = {"ph": phase, "name": name, "pid": os.getpid(), "tid": threading.get_native_id(), **fields}
        self._file.write(self._separator + json.dumps(event))
        self._separator = ",\n"


class _Span:
    """One run of a stage.

    inner_seconds, inner_cpu_seconds: time of the stages called inside it.
    calls: how many calls it counts as.
    """

    __slots__ = (
        *("_profile", "calls", "is_network", "name"),
        *("cpu_started", "inner_cpu_seconds", "inner_seconds", "started"),
    )

    def __init__(self, profile: Profile, name: str) -> None:
        self._profile, self.name = profile, name
        self.is_network = name.startswith(NETWORK)
        self.started = self.inner_seconds = self.cpu_started = self.inner_cpu_seconds = 0.0
        self.calls = 1

    def __enter__(self) -> _Span:
        self._profile._begin(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._profile._end(self)


class _NullProfiler:
    """Records nothing."""

    def timed(self, name: str, call: Callable[P, R]) -> Callable[P, R]:
        return call

    def timed_items(self, name: str, items: Iterable[T]) -> Iterable[T]:
        return items


NULL_PROFILER: Profiler = _NullProfiler()
