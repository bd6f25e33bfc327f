"""The executor `local` and its workers: warm processes, limits, deaths, and stopping."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pose_track.batch.executor import Executor, find_executor
from pose_track.batch.local import core_groups
from pose_track.batch.run_tasks import run_tasks
from pose_track.batch.task import Limits, Outcome, Report, Task, WorkerSetup, named_function

HERE = Path(__file__).parent
HANDLER = "batch_handlers:misbehaving"


@pytest.fixture(autouse=True)
def handlers_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


class Running:
    """An executor and what its tasks came to."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor

    def outcomes(self, *tasks: Task, limit_seconds: float = 30) -> dict[str, Outcome]:
        waiting, outcomes = list(tasks), dict[str, Outcome]()
        end = time.monotonic() + limit_seconds
        while len(outcomes) < len(tasks):
            assert time.monotonic() < end, f"no outcome of {tasks}"
            while waiting and self.executor.room():
                self.executor.submit(waiting.pop(0))
            for report in self.executor.poll(0.1):
                if report.outcome is not None:
                    assert report.task not in outcomes
                    outcomes[report.task] = report.outcome
        return outcomes


@pytest.fixture
def started() -> Iterator[list[Executor]]:
    executors: list[Executor] = []
    yield executors
    for executor in executors:
        executor.stop()


def start(started: list[Executor], workers: int = 1, limits: Limits = Limits()) -> Running:  # noqa: B008
    executor = find_executor("local")(WorkerSetup(HANDLER, {"key": "value"}, limits), workers, {})
    started.append(executor)
    return Running(executor)


def test_one_process_does_all_tasks(started: list[Executor]) -> None:
    outcomes = start(started).outcomes(*(Task(str(number), {}) for number in range(4)))
    assert {outcome.status for outcome in outcomes.values()} == {"done"}
    results = [outcomes[str(number)].result for number in range(4)]
    assert [result["tasks"] for result in results] == [1, 2, 3, 4]
    assert len({result["pid"] for result in results}) == 1
    assert results[0]["setup"] == {"key": "value"}


def test_failures_leave_the_worker_alive(started: list[Executor], tmp_path: Path) -> None:
    log = str(tmp_path / "a.log")
    tasks = [Task(action, {"do": action}, log) for action in ("fail", "break", "hold", "fill")]
    outcomes = start(started).outcomes(*tasks, Task("good", {}))
    assert (outcomes["fail"].status, outcomes["fail"].retry) == ("failed", False)
    assert outcomes["fail"].reason == "not a video"
    assert outcomes["fail"].log_tail.endswith("ERROR: not a video\n")
    assert "Traceback" in Path(log).read_text()  # of the unexpected one
    assert (outcomes["break"].reason, outcomes["break"].retry) == ("RuntimeError: by chance", True)
    assert outcomes["hold"].status == "busy"
    assert outcomes["fill"].status == "full"
    assert outcomes["good"].result["tasks"] == 5
    text = Path(log).read_text()
    assert all(f"task {task.name} begins\n" in text for task in tasks)
    assert text.count("on stdout\n") == 4


@pytest.mark.parametrize(("action", "words"), [("die", "SIGKILL"), ("abort", "SIGABRT")])
def test_a_dead_process_is_replaced(action: str, words: str, started: list[Executor], tmp_path: Path) -> None:
    tasks = Task("bad", {"do": action}, str(tmp_path / "log")), Task("good", {})
    outcomes = start(started).outcomes(*tasks)
    assert (outcomes["bad"].status, outcomes["bad"].retry) == ("failed", True)
    assert outcomes["bad"].reason == f"its process died: killed by {words}"
    assert outcomes["good"].status == "done"
    if action == "abort":
        assert "in _abort" in outcomes["bad"].log_tail


@pytest.mark.parametrize(
    ("action", "limits", "reason", "retry"),
    [
        ("dawdle", Limits(seconds=2), "it took more than 2 seconds, for ", False),
        ("hang", Limits(stall_seconds=2), "no frame came in 2 seconds, after 0 frames", True),
        ("eat", Limits(memory_bytes=300 * 2**20), "it used 0.", True),
    ],
)
def test_limits(action: str, limits: Limits, reason: str, retry: bool, started: list[Executor]) -> None:
    if action == "eat" and sys.platform != "linux":
        pytest.skip("memory of other processes is known on Linux only")
    outcomes = start(started, limits=limits).outcomes(Task("bad", {"do": action}), Task("good", {}))
    assert outcomes["bad"].reason.startswith(reason)
    assert outcomes["bad"].retry is retry
    assert outcomes["good"].result["tasks"] == 1


def test_a_slow_task_is_not_a_stalled_one(started: list[Executor]) -> None:
    limits = Limits(seconds=3, stall_seconds=1.5)
    outcomes = start(started, limits=limits).outcomes(Task("slow", {"do": "dawdle"}))
    assert outcomes["slow"].reason.startswith("it took more")


def test_limits_do_not_count_the_time_in_which_a_task_waits(started: list[Executor]) -> None:
    limits = Limits(seconds=2.5, stall_seconds=2)
    assert start(started, limits=limits).outcomes(Task("patient", {"do": "wait"}))["patient"].status == "done"


def test_a_list_of_tasks(started: list[Executor], tmp_path: Path) -> None:
    """A task that was lost has another attempt, one that fails for good has not."""
    executor = start(started).executor
    tasks = [
        Task("once", {"do": "once", "mark": str(tmp_path / "mark")}),
        Task("bad", {"do": "fail"}),
        Task("good", {}),
    ]
    seen: list[Report] = []
    outcomes = {task.name: outcome for task, outcome in run_tasks(executor, tasks, seen.append)}
    assert {name: outcome.status for name, outcome in outcomes.items()} == {
        "once": "done",
        "bad": "failed",
        "good": "done",
    }
    assert [report.task for report in seen if report.outcome is not None].count("once") == 2


def test_stopping(started: list[Executor]) -> None:
    """A task in hand ends at once, and no other begins."""
    running = start(started)
    running.executor.submit(Task("long", {"do": "dawdle"}))
    while not any(report.progress for report in running.executor.poll(0.1)):
        pass
    running.executor.submit(Task("next", {}))
    began = time.monotonic()
    running.executor.stop()
    assert time.monotonic() - began < 10
    outcomes = {report.task: report.outcome for report in running.executor.poll(1) if report.outcome}
    assert {name: outcome.status for name, outcome in outcomes.items()} == {"long": "stopped", "next": "stopped"}


def test_workers_end_with_their_batch(tmp_path: Path) -> None:
    """Also where it was killed, and they have a task in hand."""
    code = f"""
import os, signal
from pose_track.batch.executor import find_executor
from pose_track.batch.task import Task, WorkerSetup
executor = find_executor("local")(WorkerSetup({HANDLER!r}), 1, {{}})
executor.submit(Task("first", {{}}))
while not (reports := executor.poll(1)) or reports[-1].outcome is None:
    pass
executor.submit(Task("second", {{"do": "dawdle"}}))
while not any(report.progress for report in executor.poll(1)):
    pass
print(reports[-1].outcome.result["pid"], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    worker, end = int(done.stdout), time.monotonic() + 10
    while _is_running(worker):
        assert time.monotonic() < end, "the worker lives on"
        time.sleep(0.05)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not (status.exists() and ") Z " in status.read_text())  # a zombie has ended


def test_cores_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2, 3, 5, 7}, raising=False)
    assert core_groups(1) == [()]
    assert core_groups(2) == [(0, 2), (3, 5, 7)]
    assert core_groups(7) == [(0,), (2,), (3,), (5,), (7,), (0,), (2,)]


def test_names() -> None:
    with pytest.raises(ValueError, match="there is no executor 'locl'; did you mean 'local'"):
        find_executor("locl")
    with pytest.raises(ValueError, match="has no option 'gpu'"):
        find_executor("local")(WorkerSetup(HANDLER), 1, {"gpu": "2"})
    with pytest.raises(ImportError, match="has no function 'no_such'"):
        named_function("math:no_such")
    with pytest.raises(ValueError, match="module:function"):
        named_function("math.hypot")
