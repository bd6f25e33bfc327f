"""Where the time goes: self times, threads, errors, and the trace; by a clock that the tests turn."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.utils import profiler as tested
from pose_track.utils.profiler import UNPROFILED, Profile, StageTime


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float) -> float:
        self.now += seconds
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(tested.time, "perf_counter", made)
    return made


def test_time_of_a_stage_is_without_that_of_stages_inside(clock: Clock) -> None:
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


def test_a_call_keeps_its_arguments_and_its_result() -> None:
    def join(a: str, *, b: str) -> str:
        return a + b

    assert Profile().timed("join", join)("x", b="y") == "xy"


def test_waiting_for_items_is_noted_and_using_them_is_not(clock: Clock) -> None:
    profile = Profile()

    def source() -> Iterator[int]:
        for number in range(3):
            clock.work(2)
            yield number
        clock.work(1)  # finds that there is no more

    for _ in profile.each("decode", source()):
        clock.work(10)
    assert profile.stages == {"decode": StageTime(7, 3)}


def test_a_generator_within_a_generator(clock: Clock) -> None:
    profile = Profile()

    def waiting(seconds: float, items: Any) -> Iterator[int]:
        for item in items:
            clock.work(seconds)
            yield item

    inner = profile.each("decode", waiting(1, range(4)))
    assert list(profile.each("assign", waiting(3, inner))) == [0, 1, 2, 3]
    assert profile.stages == {"assign": StageTime(12, 4), "decode": StageTime(4, 4)}


def test_an_error_ends_the_span_and_goes_on(clock: Clock) -> None:
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
        list(profile.each("decode", source()))
    clock.work(1)
    profile.timed("detect", clock.work)(4)
    assert profile.stages["network"] == StageTime(3, 1)
    assert profile.stages["detect"] == StageTime(4, 1)  # not inside anything
    assert profile.seconds_without_network == 7


def test_closing_closes_a_generator_of_items() -> None:
    closed = []

    def source() -> Iterator[int]:
        try:
            yield from range(9)
        finally:
            closed.append(True)

    items = source()
    noted = Profile().each("decode", items)
    assert next(noted) == 0
    noted.close()  # type: ignore[attr-defined]
    assert closed == [True]
    whole = iter([1, 2, 3])
    assert next(Profile().each("decode", whole)) == 1
    assert next(whole) == 2  # other iterators stay as they are


def in_thread(job: Callable[[], object], name: str) -> threading.Thread:
    thread = threading.Thread(target=job, name=name)
    thread.start()
    return thread


def test_threads_nest_for_themselves(clock: Clock) -> None:
    """A network of one thread runs from 1 to 5, one of another from 3 to 9, drawing in the first from 0 to 6."""
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
    found = profile.summary()
    assert (found["share_without_network"], found["share_of_other_stages"]) == (0.2, 0.2)


def test_many_threads_lose_nothing() -> None:
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
def test_self_times_sum_to_the_whole(tree: Tree) -> None:
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tested.time, "perf_counter", clock)
        profile = Profile()

        def play(tree: Tree) -> None:
            for name, seconds, inner in tree:
                profile.timed(name, lambda s=seconds, i=inner: (clock.work(s), play(i)))()  # type: ignore[misc]

        play(tree)
        assert sum(one.seconds for one in profile.stages.values()) == profile.seconds
        networks = profile.stages.get("network: a", StageTime()).seconds
        assert profile.seconds_without_network <= profile.seconds - networks


def test_table(clock: Clock) -> None:
    with Profile() as profile:
        list(profile.each("decode", (clock.work(0.5) for _ in range(2))))
        profile.timed("network: pose", clock.work)(2.5)
        clock.work(1.5)
    assert profile.table().splitlines()[:4] == [
        "stage                  seconds   share    calls  ms a call",
        "network: pose             2.50   50.0%        1    2500.00",
        "decode                    1.00   20.0%        2     500.00",
        "the whole: 5.00 s; no network ran in 50.0% of it; stages that are no network took 20.0% of it",
    ]
    assert "more than 100 %" in profile.table().splitlines()[4]


def test_trace(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "profile.json"
    with Profile(path) as profile:
        clock.work(1)
        profile.timed("detect", lambda: profile.timed('network: "a"', clock.work)(0.25))()
        clock.work(1)
        thread = in_thread(profile.timed("encode", lambda: None), "encoder")
        thread.join()
    found = json.loads(path.read_text())
    spans = [event for event in found["traceEvents"] if event["ph"] == "X"]
    assert [(event["name"], event["ts"], event["dur"]) for event in spans] == [
        ('network: "a"', 0, 250_000),
        ("detect", 0, 250_000),
        ("encode", 1.25e6, 0),
    ]
    names = {event["tid"]: event["args"]["name"] for event in found["traceEvents"] if event["ph"] == "M"}
    assert [names[event["tid"]] for event in spans] == ["MainThread", "MainThread", "encoder"]
    assert found["otherData"] == profile.summary()
    assert found["otherData"]["stages"]["detect"] == {"seconds": 0, "calls": 1}


def test_trace_is_written_as_calls_end(tmp_path: Path) -> None:
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


def test_a_trace_is_whole_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"

    def fails() -> None:
        with Profile(path) as profile:
            profile.timed("detect", lambda: 1 / 0)()

    with pytest.raises(ZeroDivisionError):
        fails()
    assert json.loads(path.read_text())["otherData"]["stages"]["detect"]["calls"] == 1


def test_an_empty_trace_is_whole(tmp_path: Path) -> None:
    with Profile(tmp_path / "profile.json") as profile:
        pass
    found = json.loads((tmp_path / "profile.json").read_text())
    assert (found["traceEvents"], found["otherData"]["share_without_network"]) == ([], 0)
    assert len(profile.table().splitlines()) == 3


def test_unprofiled_gives_back_what_it_is_given() -> None:
    items = [1, 2]
    assert UNPROFILED.timed("x", len) is len
    assert UNPROFILED.each("x", items) is items
