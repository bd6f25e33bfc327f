"""Handlers of tasks that misbehave as their arguments say."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pose_track.batch.task import Progress, Task


class Misbehaving:
    """Returns its process and the number of tasks that it has done, unless `task.arguments["do"]` is something else.

    Numbers of frames grow by one with each call of `progress`, except in a task that hangs.
    """

    def __init__(self, setup: Mapping[str, Any]) -> None:
        self.setup, self.tasks, self.frames, self.hangs, self.waits = setup, 0, 0, False, False

    def progress(self) -> Progress:
        self.frames += not self.hangs
        return Progress(self.frames, is_waiting=self.waits)

    def run(self, task: Task) -> dict[str, Any]:
        self.tasks += 1
        print(f"task {task.name} begins", file=sys.stderr)
        print("on stdout")
        action = task.arguments.get("do", "")
        self.hangs = action in ("hang", "wait")
        if action:
            getattr(self, f"_{action}")(task)
        return {"pid": os.getpid(), "tasks": self.tasks, "setup": dict(self.setup)}

    def _fail(self, task: Task) -> None:
        raise ValueError("not a video")

    def _break(self, task: Task) -> None:
        raise RuntimeError("by chance")

    def _hold(self, task: Task) -> None:
        raise BlockingIOError("somebody else has it")

    def _fill(self, task: Task) -> None:
        try:
            raise OSError(28, "No space left on device")
        except OSError as error:
            raise OSError("cannot write") from error

    def _die(self, task: Task) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def _once(self, task: Task) -> None:
        """Die in the first attempt only."""
        mark = Path(task.arguments["mark"])
        if not mark.exists():
            mark.touch()
            self._die(task)

    def _abort(self, task: Task) -> None:
        os.abort()

    def _hang(self, task: Task) -> None:
        time.sleep(60)

    def _wait(self, task: Task) -> None:
        """For others, which is no fault of the task."""
        self.waits = True
        time.sleep(4)
        self.waits = False

    def _dawdle(self, task: Task) -> None:
        time.sleep(60)

    def _eat(self, task: Task) -> None:
        eaten = []
        while True:
            eaten.append(bytearray(os.urandom(1) * 2**24))
            time.sleep(0.01)


def misbehaving(setup: Mapping[str, Any]) -> Misbehaving:
    return Misbehaving(setup)
