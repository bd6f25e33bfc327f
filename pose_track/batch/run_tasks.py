"""A list of tasks, done by an executor; for work that is not the videos of a batch."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence

from pose_track.batch.executor import Executor
from pose_track.batch.task import Outcome, Report, Task

_POLL_SECONDS = 0.5


def run_tasks(
    executor: Executor, tasks: Sequence[Task], report: Callable[[Report], None] = lambda report: None, attempts: int = 3
) -> Generator[tuple[Task, Outcome], None, None]:
    """Yield each task with its outcome, as they end. Where another attempt may succeed, it has so many.

    The executor is stopped at the end, and where the generator is closed before. report: called with all reports.
    """
    waiting, counts = deque(tasks), Counter[str]()
    open_tasks = {task.name: task for task in tasks}
    try:
        while open_tasks:
            while waiting and executor.room() > 0:
                executor.submit(waiting.popleft())
            for news in executor.poll(_POLL_SECONDS):
                report(news)
                if news.outcome is None:
                    continue
                counts[news.task] += 1
                if news.outcome.retry and counts[news.task] < attempts:
                    waiting.append(open_tasks[news.task])
                else:
                    yield open_tasks.pop(news.task), news.outcome
    finally:
        executor.stop()
