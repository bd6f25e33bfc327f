"""The executor `ray`: an actor of a Ray cluster for each worker.

Ray places the actors, and starts machines for those that it cannot place where its autoscaler is set up to. A task is
given only to an actor that has started, so none waits for a machine. An actor that dies loses the task in its hands,
and another one takes its place.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from pose_track.batch.executor import Executor
from pose_track.batch.task import Outcome, Progress, Report, Task, WorkerSetup
from pose_track.utils.extras import require

logger = logging.getLogger(__name__)

_PROGRESS_SECONDS = 1.0
_PATIENCE_SECONDS = 60.0
_MAX_FAILED_STARTS = 3
_STOP_SECONDS = 30.0
_CALLS = 3  # of an actor at once: its task, a question for progress, and to stop


@dataclass(frozen=True)
class RayOptions:
    """The options of the executor `ray`.

    address: of the cluster, such as ray://head:10001; "auto" for the one this machine belongs to, and "local" for one
    of this machine alone. cpus, gpus: of each worker.
    """

    address: str = "auto"
    cpus: int = 1
    gpus: float = 0.0


def open_ray(setup: WorkerSetup, workers: int | None, options: Mapping[str, str]) -> Executor:
    """See `ExecutorFactory`."""
    require("ray", purpose="the executor ray")
    unknown = sorted(set(options) - set(RayOptions.__annotations__))
    if unknown:
        raise ValueError(
            f"the executor ray has no option {unknown[0]!r}; it has {', '.join(RayOptions.__annotations__)}"
        )
    return RayExecutor(setup, workers, msgspec.convert(dict(options), RayOptions, strict=False))


@dataclass(eq=False)
class _Worker:
    """An actor. ready, run, progress: the calls that are under way, None for none."""

    name: str
    actor: Any
    ready: Any
    task: Task | None = None
    run: Any = None
    progress: Any = None
    asked_at: float = 0.0

    @property
    def calls(self) -> list[Any]:
        return [call for call in (self.ready, self.run, self.progress) if call is not None]


class RayExecutor:
    """See `Executor`. workers: None for as many as the cluster has place for when it is asked."""

    def __init__(self, setup: WorkerSetup, workers: int | None, options: RayOptions) -> None:
        import ray

        from pose_track.batch.ray_worker import RayWorker

        if not ray.is_initialized():
            ray.init(address=None if options.address == "local" else options.address, log_to_driver=False)
        self._ray, self._setup, self._options = ray, msgspec.json.encode(setup), options
        needs = {"num_cpus": options.cpus, "num_gpus": options.gpus, "max_concurrency": _CALLS}
        self._actor_class = ray.remote(**needs)(RayWorker)
        self._num_started = self._num_failed = 0
        self._workers = [self._start() for _ in range(workers or self._places())]
        self._last: list[Report] = []  # of workers that were stopped
        self._warn_at = time.monotonic() + _PATIENCE_SECONDS

    def _places(self) -> int:
        has = self._ray.cluster_resources()
        places = has.get("CPU", 0) // self._options.cpus
        if self._options.gpus:
            places = min(places, has.get("GPU", 0) // self._options.gpus)
        return max(1, int(places))

    def _start(self) -> _Worker:
        self._num_started += 1
        actor = self._actor_class.remote(self._setup, self._options.cpus, os.getcwd())
        return _Worker(str(self._num_started), actor, actor.is_ready.remote())

    def room(self) -> int:
        return sum(worker.ready is None and worker.task is None for worker in self._workers)

    def submit(self, task: Task) -> None:
        worker = next(worker for worker in self._workers if worker.ready is None and worker.task is None)
        worker.task, worker.asked_at = task, time.monotonic()
        worker.run = worker.actor.run.remote(msgspec.json.encode(task))

    def poll(self, timeout_seconds: float) -> list[Report]:
        self._ask()
        self._warn()
        if self._last:
            reports, self._last = self._last, []
            return reports
        calls = [call for worker in self._workers for call in worker.calls]
        if calls:
            self._ray.wait(calls, num_returns=1, timeout=timeout_seconds)
        else:
            time.sleep(timeout_seconds)
        return [report for worker in list(self._workers) for report in self._news(worker)]

    def _warn(self) -> None:
        """Log once that nothing happens, for want of machines."""
        if time.monotonic() > self._warn_at and self._num_failed == 0:
            self._warn_at = float("inf")
            if all(worker.ready is not None for worker in self._workers):
                needs = f"{self._options.cpus} CPUs and {self._options.gpus:g} GPUs"
                logger.warning("no worker has started yet; each needs %s of one machine of the cluster", needs)

    def _ask(self) -> None:
        """Ask the workers for their progress, where it is time."""
        now = time.monotonic()
        for worker in self._workers:
            if worker.task is not None and worker.progress is None and now - worker.asked_at > _PROGRESS_SECONDS:
                worker.progress, worker.asked_at = worker.actor.progress.remote(), now

    def _news(self, worker: _Worker) -> list[Report]:
        """What one worker has to say."""
        done = set(self._ray.wait(worker.calls, num_returns=len(worker.calls), timeout=0)[0]) if worker.calls else set()
        task, reports = worker.task, list[Report]()
        try:
            if worker.ready in done:
                self._ray.get(worker.ready)
                worker.ready = None
            if task is not None and worker.progress in done:
                progress = msgspec.json.decode(self._ray.get(worker.progress), type=Progress)
                reports.append(Report(worker.name, task.name, progress))
                worker.progress = None
            if task is not None and worker.run in done:
                outcome = msgspec.json.decode(self._ray.get(worker.run), type=Outcome)
                reports.append(Report(worker.name, task.name, outcome=outcome))
                worker.task = worker.run = worker.progress = None
        except self._ray.exceptions.RayError as error:
            return [*reports, *self._replace(worker, error)]
        return reports

    def _replace(self, worker: _Worker, error: Exception) -> list[Report]:
        """Start another worker in place of one that died. Returns what becomes of its task. Raises RuntimeError where
        workers die again and again before they have started."""
        self._ray.kill(worker.actor)  # where only the connection to it was lost
        self._num_failed = self._num_failed + 1 if worker.ready is not None else 0
        if self._num_failed == _MAX_FAILED_STARTS:
            raise RuntimeError(f"workers cannot start on the cluster: {error}") from error
        self._workers[self._workers.index(worker)] = self._start()
        if worker.task is None:
            return []
        reason = f"its worker was lost: {type(error).__name__}"
        return [Report(worker.name, worker.task.name, outcome=Outcome("failed", reason, retry=True))]

    def stop(self) -> None:
        busy = [worker for worker in self._workers if worker.task is not None]
        if busy:
            calls = [call for worker in busy for call in (worker.actor.stop.remote(), worker.run)]
            self._ray.wait(calls, num_returns=len(calls), timeout=_STOP_SECONDS)
        reports = [report for worker in list(busy) for report in self._last_news(worker)]
        for worker in self._workers:
            self._ray.kill(worker.actor)
        self._workers, self._last = [], reports

    def _last_news(self, worker: _Worker) -> list[Report]:
        reports = self._news(worker)
        if worker.task is not None and worker in self._workers:
            reports.append(Report(worker.name, worker.task.name, outcome=Outcome("stopped")))
        return reports
