"""What travels between a batch and its workers: tasks go out, progress and outcomes come back. All of it is JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, Protocol, cast

Status = Literal["done", "busy", "failed", "full", "stopped"]


@dataclass(frozen=True)
class Task:
    """A unit of work, such as a video.

    name: unique in its batch. arguments: for the handler. log: a file to which all output of the work is appended.
    """

    name: str
    arguments: dict[str, Any]
    log: str | None = None


@dataclass(frozen=True)
class Limits:
    """How much one task may use; None for no limit.

    seconds: wall-clock time.
    stall_seconds: time without a new frame.
    memory_bytes: resident memory of the worker's process (Linux only).
    """

    seconds: float | None = None
    stall_seconds: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class WorkerSetup:
    """What every worker of a batch has in common.

    handler: "module:function" of what makes the `Handler`. arguments: for that function.
    """

    handler: str
    arguments: dict[str, Any] = field(default_factory=dict)
    limits: Limits = Limits()


@dataclass(frozen=True)
class Progress:
    """How far a task is. people: summed over the frames. is_waiting: whether it waits for something that others have in
    use, such as disk space; such time does not count towards its limits."""

    frames: int = 0
    people: int = 0
    is_waiting: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    status:
        done: `result` is what the handler returned.
        busy: another batch has this task in its hands.
        failed: for `reason`; `retry` tells whether another attempt may succeed.
        full: there is no room on the disk, so that other tasks would fail too.
        stopped: the worker was asked to stop.
    log_tail: the last lines of the task's log, of a failed one.
    """

    status: Status
    reason: str = ""
    retry: bool = False
    result: dict[str, Any] = field(default_factory=dict)
    log_tail: str = ""


@dataclass(frozen=True)
class Report:
    """What a worker has to say about its task: progress, or an outcome, which is the last of a task."""

    worker: str
    task: str
    progress: Progress | None = None
    outcome: Outcome | None = None


class Handler(Protocol):
    """Does the tasks of one worker, one after another, and keeps what they share, such as loaded networks."""

    def run(self, task: Task) -> dict[str, Any]:
        """Do a task. The result is JSON. Raises BlockingIOError where another process has it in its hands; any other
        error fails the task."""

    def progress(self) -> Progress:
        """How far the task of `run` is; called from another thread."""


def make_handler(setup: WorkerSetup) -> Handler:
    """The handler that a setup names."""
    return cast(Handler, named_function(setup.handler)(setup.arguments))


def named_function(name: str) -> Any:
    """The function that "module:function" names. Raises ValueError for a text of another form, ImportError where there
    is no such module or function.

    >>> named_function("math:hypot")(3, 4)
    5.0
    """
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise ValueError(f"a function is named module:function, got {name!r}")
    try:
        return getattr(import_module(module), attribute)
    except AttributeError:
        raise ImportError(f"the module {module} has no function {attribute!r}; check the name") from None
