"""What runs the tasks of a batch: one small protocol, found by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, cast

from pose_track.batch.task import Report, Task, WorkerSetup
from pose_track.utils.names import did_you_mean

GROUP = "pose_track.executors"
"""The group of entry points; each names an `ExecutorFactory`."""

_BUILT_IN = {
    "local": "pose_track.batch.local:open_local",
    "ray": "pose_track.batch.ray_executor:open_ray",
    "slurm": "pose_track.batch.slurm_executor:open_slurm",
}


class Executor(Protocol):
    """Runs tasks on workers. All methods are called from one thread.

    Each worker makes its `Handler` once and keeps it, and hands it one task after another. A task that is submitted has
    exactly one outcome, also where its worker dies; it may have been executed more than once by then.
    """

    def room(self) -> int:
        """How many more tasks can begin at once or wait at a worker; submit no more than that."""

    def submit(self, task: Task) -> None:
        """Take a task."""

    def poll(self, timeout_seconds: float) -> list[Report]:
        """What has happened since the last call, in order; waits for something to happen, for so long at most."""

    def stop(self) -> None:
        """Stop all workers and wait for them. Tasks in their hands end as `stopped`, which `poll` then reports."""


class ExecutorFactory(Protocol):
    """Makes an executor.

    setup: of the workers. workers: how many, None for as many as suit the machines. options: of this executor alone, as
    text. Raises ValueError for an option that it does not have, ImportError where a package is missing.
    """

    def __call__(self, setup: WorkerSetup, workers: int | None, options: Mapping[str, str]) -> Executor: ...


def find_executor(name: str) -> ExecutorFactory:
    """The executor of a name. Raises ValueError for an unknown one."""
    found = {name: EntryPoint(name, value, GROUP) for name, value in _BUILT_IN.items()}
    found |= {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        raise ValueError(
            f"there is no executor {name!r}{did_you_mean(name, found)}; choose one of {', '.join(sorted(found))}"
        )
    return cast(ExecutorFactory, found[name].load())
