"""A worker in a job of a cluster: it takes tasks from its mailbox until the batch ends."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pose_track.batch.mailbox import Mailbox
from pose_track.batch.task import Outcome, Progress, Task, WorkerSetup
from pose_track.batch.worker_process import WorkerProcess

_POLL_SECONDS = 0.5
_PROGRESS_SECONDS = 5.0
_MAX_SILENCE_SECONDS = 900.0  # of a batch, after which its workers end


class SlurmWorker:
    """What a job runs. A job that is requeued goes on with the first task that has no outcome.

    folder: of the mailbox.
    """

    def __init__(self, setup: WorkerSetup, folder: Path) -> None:
        self._setup, self._folder = setup, folder

    def __call__(self) -> None:
        mailbox, process = Mailbox(self._folder), WorkerProcess(self._setup)
        mailbox.say_ready()
        number = 0
        while mailbox.get("outcome", number, Outcome) is not None:
            number += 1
        while not mailbox.is_stopped() and mailbox.silence() < _MAX_SILENCE_SECONDS:
            task = mailbox.get("task", number, Task)
            if task is None:
                time.sleep(_POLL_SECONDS)
                continue
            mailbox.put("outcome", number, process.run(task, _Reporter(mailbox, number, process)))
            number += 1
        process.close()

    def checkpoint(self) -> Any:
        """Called by submitit before the job is requeued: at its time limit, or where another one takes its place."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class _Reporter:
    """Passes on the progress of a task, and stops it where it has to."""

    def __init__(self, mailbox: Mailbox, number: int, process: WorkerProcess) -> None:
        self._mailbox, self._number, self._process = mailbox, number, process
        self._due_at = 0.0
        self._is_stopping = False

    def __call__(self, progress: Progress) -> None:
        if not self._is_stopping and self._mailbox.is_stopped():
            self._is_stopping = True
            self._process.stop()
        if time.monotonic() > self._due_at:
            self._due_at = time.monotonic() + _PROGRESS_SECONDS
            self._mailbox.put("progress", self._number, progress)
