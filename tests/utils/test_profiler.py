"""Self times, threads, errors and the trace, with a clock that the tests advance."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.utils import profiler as profiler_module
from pose_track.utils.profiler import NULL_PROFILER, Profile, StageTime


class Clock:
    """Stands still but for `work`, and that of the processor but for `compute`."""

    def __init__(self) -> None:
        self.now, self.cpu = 100.0, 7.0

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float) -> float:
        self.now += seconds
        return self.now

    def compute(self, seconds: float) -> float:
        self.cpu += seconds
        return self.work(2 * seconds)  # other programs have the core for as long


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(profiler_module.time, "perf_counter", clock)
    monkeypatch.setattr(profiler_module.time, "thread_time", lambda: clock.cpu)
    monkeypatch.setattr(profiler_module.time, "process_time", lambda: 3 * clock.cpu)
    return clock


def test_time_of_a_stage_excludes_nested_stages(clock: Clock) -> None:
    profile = Profile()
    clock.work(100)  # before the first stage begins
    inner = profile.timed("network: pose", clock.work)

    def outer() -> None:
        clock.work(1)
        inner(2)
        clock.work(4)
        inner(8)

    profile.timed("estimate", outer)()
    clock.work(5)
    assert profile.stages == {"network: pose": StageTime(10, 2), "estimate": StageTime(5, 1)}
    assert list(profile.stages) == ["network: pose", "estimate"]  # the longest first
    assert profile.seconds == 20
    assert profile.seconds_without_network == 10
    profile.close()
    clock.work(7)
    assert (profile.seconds, profile.seconds_without_network) == (20, 10)


def test_processor_time_excludes_nested_stages_and_waiting(clock: Clock) -> None:
    profile = Profile()
    clock.compute(50)  # before the first stage begins
    inner = profile.timed("network: pose", clock.compute)

    def outer() -> None:
        clock.compute(1)
        inner(2)
        clock.work(9)
        clock.compute(3)

    list(profile.timed_items("decode", (clock.compute(0.5) for _ in range(10))))
    profile.timed("estimate", outer)()
    profile.close()
    clock.compute(7)
    assert profile.stages == {
        "estimate": StageTime(17, 1, 4),
        "decode": StageTime(10, 10, 5),
        "network: pose": StageTime(4, 1, 2),
    }
    summary = profile.summary()
    assert summary["other_cpu_ms_per_frame"] == 900
    assert summary["process_cpu_ms_per_frame"] == 3300
    assert summary["stages"]["decode"] == {"seconds": 10, "calls": 10, "cpu_seconds": 5}


def test_processor_time_is_that_of_the_thread() -> None:
    """A stage that waits for another thread is not charged for its work."""
    profile = Profile()
    loop = profile.timed("loop", lambda: sum(range(300_000)))
    wait = profile.timed("wait", lambda thread: thread.join())
    wait(in_thread(loop, "other"))
    assert profile.stages["wait"].cpu_seconds < profile.stages["loop"].cpu_seconds


def test_arguments_and_result_pass_through() -> None:
    def join(a: str, *, b: str) -> str:
        return a + b

    assert Profile().timed("join", join)("x", b="y") == "xy"


def test_producing_items_is_timed_and_using_them_is_not(clock: Clock) -> None:
    profile = Profile()

    def source() -> Iterator[int]:
        for number in range(3):
            clock.work(2)
            yield number
        clock.work(1)  # until the end of the items

    for _ in profile.timed_items("decode", source()):
        clock.work(10)
    assert profile.stages == {"decode": StageTime(7, 3)}


def test_nested_generators(clock: Clock) -> None:
    profile = Profile()

    def stage(seconds: float, items: Any) -> Iterator[int]:
        for item in items:
            clock.work(seconds)
            yield item

    inner = profile.timed_items("decode", stage(1, range(4)))
    assert list(profile.timed_items("assign", stage(3, inner))) == [0, 1, 2, 3]
    assert profile.stages == {"assign": StageTime(12, 4), "decode": StageTime(4, 4)}


def test_error_ends_the_span_and_is_raised(clock: Clock) -> None:
    profile = Profile()

    def fails() -> None:
        clock.work(3)
        raise LookupError("lost")

    def source() -> Iterator[int]:
        yield 1
        clock.work(2)
        raise LookupError("broken")

    with pytest.raises(LookupError, match="lost"):
        profile.timed("network", fails)()
    with pytest.raises(LookupError, match="broken"):
        list(profile.timed_items("decode", source()))
    clock.work(1)
    profile.timed("detect", clock.work)(4)
    assert profile.stages["network"] == StageTime(3, 1)
    assert profile.stages["detect"] == StageTime(4, 1)  # not inside anything
    assert profile.seconds_without_network == 7


def test_closing_closes_a_generator() -> None:
    closed = []

    def source() -> Iterator[int]:
        try:
            yield from range(9)
        finally:
            closed.append(True)

    items = source()
    timed = Profile().timed_items("decode", items)
    assert next(timed) == 0
    timed.close()  # type: ignore[attr-defined]
    assert closed == [True]
    iterator = iter([1, 2, 3])
    assert next(Profile().timed_items("decode", iterator)) == 1
    assert next(iterator) == 2  # other iterators have no close()


def in_thread(job: Callable[[], object], name: str) -> threading.Thread:
    thread = threading.Thread(target=job, name=name)
    thread.start()
    return thread


def test_each_thread_has_its_own_nesting(clock: Clock) -> None:
    """One thread runs a network from 1 to 5 and draws from 0 to 6; the other runs a network from 3 to 9."""
    profile = Profile()
    steps = [threading.Event() for _ in range(3)]

    def other() -> None:
        steps[0].set()
        assert steps[1].wait(10)

    thread = None

    def network() -> None:
        nonlocal thread
        clock.work(2)
        thread = in_thread(lambda: profile.timed("network: other", other)(), "second")
        assert steps[0].wait(10)
        clock.work(2)

    def draw() -> None:
        clock.work(1)
        profile.timed("network: own", network)()
        clock.work(1)

    profile.timed("draw", draw)()
    clock.work(3)
    steps[1].set()
    assert thread is not None
    thread.join()
    clock.work(1)
    assert profile.stages == {
        "network: other": StageTime(6, 1),
        "network: own": StageTime(4, 1),
        "draw": StageTime(2, 1),
    }
    assert profile.seconds_without_network == 2
    summary = profile.summary()
    assert (summary["share_without_network"], summary["share_of_other_stages"]) == (0.2, 0.2)


def test_many_threads_lose_no_call() -> None:
    profile = Profile()
    step = profile.timed("step", lambda: None)
    threads = [in_thread(lambda: [step() for _ in range(500)], f"t{n}") for n in range(8)]
    for thread in threads:
        thread.join()
    assert profile.stages["step"].calls == 4000


Tree = list[tuple[str, int, Any]]
trees = st.recursive(
    st.just([]),
    lambda inner: st.lists(st.tuples(st.sampled_from(["draw", "link", "network: a"]), st.integers(0, 9), inner)),
    max_leaves=12,
)


@settings(derandomize=True, deadline=None)
@given(trees)
def test_self_times_sum_to_the_total(tree: Tree) -> None:
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profiler_module.time, "perf_counter", clock)
        profile = Profile()

        def play(tree: Tree) -> None:
            for name, seconds, inner in tree:
                profile.timed(name, lambda s=seconds, i=inner: (clock.work(s), play(i)))()  # type: ignore[misc]

        play(tree)
        assert sum(stage.seconds for stage in profile.stages.values()) == profile.seconds
        networks = profile.stages.get("network: a", StageTime()).seconds
        assert profile.seconds_without_network <= profile.seconds - networks


def test_table(clock: Clock) -> None:
    with Profile() as profile:
        list(profile.timed_items("decode", (clock.compute(0.25) for _ in range(2))))
        profile.timed("network: pose", clock.work)(2.5)
        clock.work(1.5)
    lines = profile.table().splitlines()
    assert lines[:5] == [
        "stage                          seconds   share    calls    ms/call  CPU ms/call",
        "network: pose                     2.50   50.0%        1    2500.00         0.00",
        "decode                            1.00   20.0%        2     500.00       250.00",
        "total: 5.00 s; no network ran in 50.0% of it; stages other than networks took 20.0% of it",
        "stages other than networks: 250.0 ms of CPU a frame; the whole process: 750.0 ms",
    ]
    assert "more than 100 %" in lines[5]
    assert "threads of libraries" in lines[6]


def test_trace(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "profile.json"
    with Profile(path) as profile:
        clock.work(1)
        profile.timed("detect", lambda: profile.timed('network: "a"', clock.work)(0.25))()
        clock.work(1)
        thread = in_thread(profile.timed("encode", lambda: None), "encoder")
        thread.join()
    trace = json.loads(path.read_text())
    spans = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert [(event["name"], event["ts"], event["dur"]) for event in spans] == [
        ('network: "a"', 0, 250_000),
        ("detect", 0, 250_000),
        ("encode", 1.25e6, 0),
    ]
    names = {event["tid"]: event["args"]["name"] for event in trace["traceEvents"] if event["ph"] == "M"}
    assert [names[event["tid"]] for event in spans] == ["MainThread", "MainThread", "encoder"]
    assert trace["otherData"] == profile.summary()
    assert trace["otherData"]["stages"]["detect"] == {"seconds": 0, "calls": 1, "cpu_seconds": 0}


def test_trace_is_written_when_calls_end(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    profile = Profile(path)
    step = profile.timed("step", lambda: None)
    for _ in range(1000):
        step()
    assert path.stat().st_size > 10_000
    profile.close()
    profile.close()
    written = path.read_bytes()
    step()
    assert path.read_bytes() == written
    assert profile.stages["step"].calls == 1000


def test_trace_is_complete_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"

    def fails() -> None:
        with Profile(path) as profile:
            profile.timed("detect", lambda: 1 / 0)()

    with pytest.raises(ZeroDivisionError):
        fails()
    assert json.loads(path.read_text())["otherData"]["stages"]["detect"]["calls"] == 1


def test_empty_trace_is_complete(tmp_path: Path) -> None:
    with Profile(tmp_path / "profile.json") as profile:
        pass
    trace = json.loads((tmp_path / "profile.json").read_text())
    assert (trace["traceEvents"], trace["otherData"]["share_without_network"]) == ([], 0)
    assert len(profile.table().splitlines()) == 5


def test_null_profiler_returns_its_arguments() -> None:
    items = [1, 2]
    assert NULL_PROFILER.timed("x", len) is len
    assert NULL_PROFILER.timed_items("x", items) is items
