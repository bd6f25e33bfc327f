"""The executor `slurm`, with submitit's processes of this machine in place of Slurm's jobs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_cases import HANDLER, check_stopping, check_tasks_and_failures

from pose_track.batch.executor import find_executor
from pose_track.batch.mailbox import Mailbox
from pose_track.batch.slurm_executor import SlurmExecutor
from pose_track.batch.slurm_worker import SlurmWorker
from pose_track.batch.task import Limits, Outcome, Task, WorkerSetup

pytest.importorskip("submitit", reason="submitit is not installed")

HERE = Path(__file__).parent
PACKAGES = HERE.parents[1]


@pytest.fixture
def executor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmExecutor]:
    monkeypatch.setenv("PYTHONPATH", f"{HERE}{os.pathsep}{PACKAGES}")
    options = {"folder": str(tmp_path / "jobs"), "cluster": "local", "timeout_min": "5"}
    opened = find_executor("slurm")(WorkerSetup(HANDLER, {}, Limits()), 2, options)
    assert isinstance(opened, SlurmExecutor)
    yield opened
    opened.stop()


def test_tasks_and_failures(executor: SlurmExecutor, tmp_path: Path) -> None:
    check_tasks_and_failures(executor, tmp_path)


def test_stopping(executor: SlurmExecutor) -> None:
    check_stopping(executor)


def test_a_job_that_is_killed_loses_the_task_in_its_hands_only(executor: SlurmExecutor) -> None:
    while executor.room() < 4:
        executor.poll(0.1)
    executor.submit(Task("lost", {"do": "dawdle"}))
    executor.submit(Task("a", {}))
    executor.submit(Task("waits behind it", {}))
    victim = next(worker for worker in executor._workers if "lost" in [task.name for task in worker.tasks.values()])
    outcomes: dict[str, Outcome] = {}
    end = time.monotonic() + 60
    while len(outcomes) < 3:
        assert time.monotonic() < end
        reports = executor.poll(0.2)
        outcomes |= {report.task: report.outcome for report in reports if report.outcome}
        if any(report.task == "lost" and report.progress for report in reports):
            os.kill(int(victim.job.job_id), signal.SIGKILL)
    assert (outcomes["lost"].status, outcomes["lost"].retry) == ("failed", True)
    assert {outcomes["a"].status, outcomes["waits behind it"].status} == {"done"}


def test_jobs_that_do_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one takes the place of each; after three in a row the fault is not of one machine."""
    (tmp_path / "pose_track").mkdir()
    (tmp_path / "pose_track" / "__init__.py").write_text("raise RuntimeError('not installed here')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    options = {"folder": str(tmp_path / "jobs"), "cluster": "local", "timeout_min": "5"}
    failing = find_executor("slurm")(WorkerSetup(HANDLER), 1, options)
    with pytest.raises(RuntimeError, match=r"did not start: [\s\S]*not installed here"):
        failing.poll(60)
    assert len(list((tmp_path / "jobs").glob("*/worker-*"))) == 3
    failing.stop()


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    options = {"folder": str(tmp_path), "cluster": "local", "colour": "red"}
    with pytest.raises(ValueError, match="does not take these options"):
        find_executor("slurm")(WorkerSetup(HANDLER), 1, options)


def test_a_job_that_is_requeued_goes_on_with_the_first_task_without_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    mailbox = Mailbox(tmp_path)
    for number in range(3):
        mailbox.put("task", number, Task(str(number), {}))
    mailbox.put("outcome", 0, Outcome("done", result={"by": "the job before"}))
    worker = SlurmWorker(WorkerSetup(HANDLER), tmp_path).checkpoint().function
    monkeypatch.setattr(
        "pose_track.batch.mailbox.Mailbox.is_stopped", lambda box: box.get("outcome", 2, Outcome) is not None
    )
    worker()
    outcomes = [mailbox.get("outcome", number, Outcome) for number in range(3)]
    assert [outcome.result.get("by") for outcome in outcomes if outcome] == ["the job before", None, None]
