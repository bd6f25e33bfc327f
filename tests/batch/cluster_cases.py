"""What every executor does, whatever runs its workers. The tasks are those of `batch_handlers`."""

from __future__ import annotations

import time
from pathlib import Path

from pose_track.batch.executor import Executor
from pose_track.batch.task import Outcome, Task

HANDLER = "batch_handlers:misbehaving"


def outcomes_of(executor: Executor, *tasks: Task, limit_seconds: float = 120) -> dict[str, Outcome]:
    """The outcome of each task, of which there is exactly one."""
    waiting, outcomes = list(tasks), dict[str, Outcome]()
    end = time.monotonic() + limit_seconds
    while len(outcomes) < len(tasks):
        assert time.monotonic() < end, f"{len(outcomes)} of {len(tasks)} outcomes"
        while waiting and executor.room():
            executor.submit(waiting.pop(0))
        for report in executor.poll(0.2):
            if report.outcome is not None:
                assert report.task not in outcomes
                outcomes[report.task] = report.outcome
    return outcomes


def check_tasks_and_failures(executor: Executor, folder: Path) -> None:
    """Processes stay for the next task, a failure leaves them alive, and a death is one of the task alone."""
    tasks = [Task(str(number), {}) for number in range(6)]
    bad = [Task(action, {"do": action}, str(folder / f"{action}.log")) for action in ("fail", "die", "hold")]
    outcomes = outcomes_of(executor, *tasks, *bad, Task("last", {}))
    assert {outcomes[task.name].status for task in tasks} == {"done"}
    assert (outcomes["fail"].status, outcomes["fail"].retry, outcomes["fail"].reason) == (
        "failed",
        False,
        "not a video",
    )
    assert "not a video" in outcomes["fail"].log_tail
    assert (outcomes["die"].reason, outcomes["die"].retry) == ("its process died: killed by SIGKILL", True)
    assert outcomes["hold"].status == "busy"
    assert outcomes["last"].status == "done"
    pids = {outcomes[task.name].result["pid"] for task in tasks}
    assert len(pids) < len(tasks)


def check_stopping(executor: Executor) -> None:
    """A task in hand ends at once."""
    while not executor.room():
        executor.poll(0.2)
    executor.submit(Task("long", {"do": "dawdle"}))
    end = time.monotonic() + 60
    while not any(report.progress for report in executor.poll(0.2)):
        assert time.monotonic() < end
    began = time.monotonic()
    executor.stop()
    assert time.monotonic() - began < 30
    outcomes = {report.task: report.outcome.status for report in executor.poll(1) if report.outcome}
    assert outcomes == {"long": "stopped"}
