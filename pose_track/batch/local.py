"""The executor `local`: workers on this machine, each a process with cores of its own."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from pose_track.batch.executor import Executor
from pose_track.batch.task import Progress, Report, Task, WorkerSetup
from pose_track.batch.worker_process import WorkerProcess
from pose_track.utils.machine import available_bytes


def open_local(setup: WorkerSetup, workers: int | None, options: Mapping[str, str]) -> Executor:
    """See `ExecutorFactory`. Its option `gpus` is the number of GPUs, among which the workers are divided. Without a
    limit for memory, each worker may use its share of what is available now."""
    unknown = sorted(set(options) - {"gpus"})
    if unknown:
        raise ValueError(f"the executor local has no option {unknown[0]!r}; it has gpus, the number of GPUs")
    workers = workers or 1
    available = available_bytes()
    if setup.limits.memory_bytes is None and available is not None:
        setup = replace(setup, limits=replace(setup.limits, memory_bytes=available // workers))
    return LocalExecutor(setup, workers, int(options.get("gpus", 0)))


class LocalExecutor:
    """See `Executor`; a task is taken where a worker is free."""

    def __init__(self, setup: WorkerSetup, workers: int, num_gpus: int = 0) -> None:
        self._tasks: queue.Queue[Task | None] = queue.Queue()
        self._reports: queue.Queue[Report] = queue.Queue()
        self._num_free = workers
        cores = core_groups(workers)
        self._workers = [WorkerProcess(setup, cores[number], _one_gpu(number, num_gpus)) for number in range(workers)]
        self._threads = [
            threading.Thread(target=self._serve, args=(str(number + 1), worker), daemon=True)
            for number, worker in enumerate(self._workers)
        ]
        for thread in self._threads:
            thread.start()

    def _serve(self, name: str, worker: WorkerProcess) -> None:
        """Do tasks, in a thread for each worker."""
        while (task := self._tasks.get()) is not None:
            report = partial(Report, name, task.name)

            def tell(progress: Progress, report: partial[Report] = report) -> None:
                self._reports.put(report(progress))

            self._reports.put(report(outcome=worker.run(task, tell)))
        worker.close()

    def room(self) -> int:
        return self._num_free

    def submit(self, task: Task) -> None:
        self._num_free -= 1
        self._tasks.put(task)

    def poll(self, timeout_seconds: float) -> list[Report]:
        try:
            reports = [self._reports.get(timeout=timeout_seconds)]
        except queue.Empty:
            return []
        while not self._reports.empty():
            reports.append(self._reports.get())
        self._num_free += sum(report.outcome is not None for report in reports)
        return reports

    @property
    def peak_bytes(self) -> int:
        """The most memory that one of the workers was seen to use."""
        return max(worker.peak_bytes for worker in self._workers)

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()


def core_groups(workers: int) -> list[Sequence[int]]:
    """The cores of each worker, of those that this process may use; () for all, where the system does not tell which
    these are, or where one worker has them all."""
    if workers == 1 or not hasattr(os, "sched_getaffinity"):
        return [()] * workers
    cores = sorted(os.sched_getaffinity(0))
    if workers >= len(cores):
        return [(cores[number % len(cores)],) for number in range(workers)]
    ends = [len(cores) * number // workers for number in range(workers + 1)]
    return [tuple(cores[start:end]) for start, end in pairwise(ends)]


def _one_gpu(number: int, num_gpus: int) -> dict[str, str]:
    """The variable that shows a worker one GPU of several."""
    return {"CUDA_VISIBLE_DEVICES": str(number % num_gpus)} if num_gpus > 1 else {}
