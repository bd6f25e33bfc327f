"""A worker on a Ray cluster: an actor that watches a process of its own. Messages are JSON, and never hold frames."""

from __future__ import annotations

import os
from contextlib import ExitStack

import msgspec

from pose_track.batch.core_slots import claimed_cores
from pose_track.batch.task import Progress, Task, WorkerSetup
from pose_track.batch.worker_process import WorkerProcess


class RayWorker:
    """The class of the actors. setup: a `WorkerSetup`. num_cores: its share of the machine. folder: in which relative
    paths begin, as in the process of the batch."""

    def __init__(self, setup: bytes, num_cores: int, folder: str) -> None:
        os.chdir(folder)
        self._stack = ExitStack()
        cores = self._stack.enter_context(claimed_cores(num_cores))
        self._process = WorkerProcess(msgspec.json.decode(setup, type=WorkerSetup), cores)
        self._progress = Progress()

    def is_ready(self) -> bool:
        return True

    def run(self, task: bytes) -> bytes:
        """The `Outcome` of a `Task`."""
        self._progress = Progress()
        return msgspec.json.encode(self._process.run(msgspec.json.decode(task, type=Task), self._saw))

    def _saw(self, progress: Progress) -> None:
        self._progress = progress

    def progress(self) -> bytes:
        """The `Progress` of the task in hand; called while `run` is."""
        return msgspec.json.encode(self._progress)

    def stop(self) -> None:
        """Ask the task in hand to end."""
        self._process.stop()
