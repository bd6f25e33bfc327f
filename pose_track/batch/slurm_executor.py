"""The executor `slurm`: each worker is a job, submitted with submitit; processes of this machine where there is no
Slurm."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from pose_track.batch.executor import Executor
from pose_track.batch.mailbox import Mailbox
from pose_track.batch.slurm_worker import SlurmWorker
from pose_track.batch.task import Outcome, Progress, Report, Task, WorkerSetup
from pose_track.utils.extras import require

_TASKS = 2  # of a worker: one in its hands, and one that waits
_POLL_SECONDS = 0.2
_MAX_FAILED_STARTS = 3
_STOP_SECONDS = 40.0
_FOLDER = "slurm-jobs"


def open_slurm(setup: WorkerSetup, workers: int | None, options: Mapping[str, str]) -> Executor:
    """See `ExecutorFactory`.

    Of its options, `cluster` is slurm, local or debug, and `folder` a folder that all machines see; the others are
    parameters of submitit: timeout_min, cpus_per_task, mem_gb, gpus_per_node, slurm_partition, slurm_array_parallelism,
    ...
    """
    require("submitit", purpose="the executor slurm")
    if workers is None:
        raise ValueError("the executor slurm needs --workers, the number of jobs")
    parameters = dict(options)
    folder, cluster = Path(parameters.pop("folder", _FOLDER)), parameters.pop("cluster", None)
    return SlurmExecutor(setup, workers, folder, cluster, {key: _number(text) for key, text in parameters.items()})


def _number(text: str) -> int | float | str:
    """
    >>> _number("60"), _number("1.5"), _number("gpu")
    (60, 1.5, 'gpu')
    """
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


@dataclass(eq=False)
class _Worker:
    """A job. tasks: that it has, by number, the first of which is in its hands. next_number: of the next task."""

    name: str
    job: Any
    mailbox: Mailbox
    tasks: dict[int, Task] = field(default_factory=dict)
    next_number: int = 0
    progress: Progress | None = None


class SlurmExecutor:
    """See `Executor`. cluster: None for Slurm where it is installed, else this machine. parameters: of submitit. Raises
    ValueError for unknown ones."""

    def __init__(
        self, setup: WorkerSetup, workers: int, folder: Path, cluster: str | None, parameters: Mapping[str, Any]
    ) -> None:
        import submitit

        self._setup, self._folder = setup, folder.absolute() / uuid4().hex[:8]
        self._submitit = submitit.AutoExecutor(self._folder / "jobs", cluster=cluster)
        try:
            self._submitit.update_parameters(name="pose_track", **parameters)
        except (NameError, TypeError, AssertionError) as error:
            raise ValueError(f"the executor slurm does not take these options: {error}") from error
        self._num_started = self._failed_starts = 0
        self._reports: list[Report] = []
        self._workers = self._start(workers)

    def _start(self, number: int) -> list[_Worker]:
        """Submit jobs, as one array."""
        folders = [self._folder / f"worker-{self._num_started + n + 1}" for n in range(number)]
        for folder in folders:
            folder.mkdir(parents=True)
            Mailbox(folder).say_alive()
        with self._submitit.batch():
            jobs = [self._submitit.submit(SlurmWorker(self._setup, folder)) for folder in folders]
        first, self._num_started = self._num_started + 1, self._num_started + number
        boxes = zip(jobs, folders, strict=True)
        return [_Worker(str(first + n), job, Mailbox(folder)) for n, (job, folder) in enumerate(boxes)]

    def room(self) -> int:
        return sum(_TASKS - len(worker.tasks) for worker in self._workers if worker.mailbox.is_ready())

    def submit(self, task: Task) -> None:
        self._give(min((w for w in self._workers if w.mailbox.is_ready()), key=lambda w: len(w.tasks)), task)

    def _give(self, worker: _Worker, task: Task) -> None:
        worker.mailbox.put("task", worker.next_number, task)
        worker.tasks[worker.next_number] = task
        worker.next_number += 1

    def poll(self, timeout_seconds: float) -> list[Report]:
        end = time.monotonic() + timeout_seconds
        while True:
            for worker in list(self._workers):
                worker.mailbox.say_alive()
                self._read(worker)
                if worker.job.done():
                    self._read(worker)  # what it wrote at its end
                    self._replace(worker)
            if self._reports or time.monotonic() >= end:
                reports, self._reports = self._reports, []
                return reports
            time.sleep(min(_POLL_SECONDS, max(0.0, end - time.monotonic())))

    def _read(self, worker: _Worker) -> None:
        """Take what a worker has written."""
        for number, task in list(worker.tasks.items()):
            outcome = worker.mailbox.get("outcome", number, Outcome)
            if outcome is None:
                progress = worker.mailbox.get("progress", number, Progress)
                if progress is not None and progress != worker.progress:
                    worker.progress = progress
                    self._reports.append(Report(worker.name, task.name, progress))
                return
            del worker.tasks[number]
            self._reports.append(Report(worker.name, task.name, outcome=outcome))

    def _replace(self, worker: _Worker) -> None:
        """Submit another job in place of one that has ended, which loses the task in its hands. Raises RuntimeError for
        the third in a row that ended before it had started."""
        self._failed_starts = 0 if worker.mailbox.is_ready() else self._failed_starts + 1
        if self._failed_starts == _MAX_FAILED_STARTS:
            raise RuntimeError(f"job {worker.job.job_id} did not start: {worker.job.exception()}")
        worker.mailbox.say_stop()  # should only the one who watches it be dead
        self._workers.remove(worker)
        (replacement,) = self._start(1)
        self._workers.append(replacement)
        for place, task in enumerate(worker.tasks.values()):
            if place == 0:
                reason = f"job {worker.job.job_id} ended in state {worker.job.state}"
                self._reports.append(Report(worker.name, task.name, outcome=Outcome("failed", reason, retry=True)))
            else:
                self._give(replacement, task)

    def stop(self) -> None:
        for worker in self._workers:
            worker.mailbox.say_stop()
        end = time.monotonic() + _STOP_SECONDS
        started = [worker for worker in self._workers if worker.mailbox.is_ready()]
        while time.monotonic() < end and not all(worker.job.done() for worker in started):
            time.sleep(_POLL_SECONDS)
        for worker in self._workers:
            self._read(worker)
            stopped = Outcome("stopped")
            self._reports += [Report(worker.name, task.name, outcome=stopped) for task in worker.tasks.values()]
            if not worker.job.done():
                worker.job.cancel()
        self._workers = []
