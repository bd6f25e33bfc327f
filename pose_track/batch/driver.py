"""The loop of a batch: which video is next, who gets it, and what becomes of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from pose_track.batch.executor import Executor
from pose_track.batch.journal import Row
from pose_track.batch.recipe import Recipe
from pose_track.batch.remote_tree import open_tree
from pose_track.batch.results import Figures, control_folder, what_changed
from pose_track.batch.state import BatchState, WorkerState
from pose_track.batch.stores import is_remote
from pose_track.batch.task import Outcome, Report, Task
from pose_track.batch.track_handler import TrackTask, Upcoming

_POLL_SECONDS = 0.2
_BUSY_SECONDS = 3.0  # until a video that another batch has in its hands is looked at again
_FILL_SECONDS = 0.5  # of looking for videos that are not done yet, between two looks at the workers


@dataclass(frozen=True)
class Video:
    """A unit of work. name: the folder of its results. weight: of the work, such as the bytes of the file."""

    name: str
    source: str
    recipe: Recipe
    weight: float = 1.0


class Watcher(Protocol):
    """Is told what happens. `settled`: a video has a row; `moved`: a few times a second."""

    def settled(self, row: Row, is_new: bool) -> None: ...
    def moved(self, state: BatchState) -> None: ...


class Batch:
    """Tracks videos on an executor, those of the largest weight first.

    attempts: after how many a video has failed. overwrite: whether results of other settings, weights or content are
    replaced. results: URL of the folder of results, None for `out`.
    """

    def __init__(
        self,
        videos: Sequence[Video],
        out: Path,
        executor: Executor,
        watchers: Sequence[Watcher],
        attempts: int = 3,
        overwrite: bool = False,
        results: str | None = None,
    ) -> None:
        self._videos = {video.name: video for video in videos}
        self._out, self._tree, self._executor, self._watchers = out, open_tree(out, results), executor, watchers
        self._max_attempts, self._overwrite = attempts, overwrite
        self._pending = deque(sorted(videos, key=lambda video: -video.weight))
        self._busy: deque[tuple[float, Video]] = deque()
        self._in_hand: dict[str, Upcoming | None] = {}
        self._announced: set[str] = set()  # to a worker that copies them ahead
        self._attempts: dict[str, int] = {}
        self.state = BatchState(len(videos), sum(video.weight for video in videos))
        self.is_full = False

    def run(self, check: Callable[[], None] = lambda: None) -> BatchState:
        """Track all videos; returns how it ended.

        check: called several times a second; after an error from it, the workers are stopped, with what they have in
        their hands. Raises OSError where there is no room for results, once the workers have ended.
        """
        try:
            while self._in_hand or ((self._pending or self._busy) and not self.is_full):
                check()
                self._fill()
                self._take(_POLL_SECONDS)
        finally:
            self._executor.stop()
            self._take(0.0)
        if self.is_full:
            left = self.state.total - self.state.settled
            raise OSError(
                f"there is no room for results in {str(self._out)!r}; {left} videos are left; make room, and give the "
                "same command again"
            )
        return self.state

    def _fill(self) -> None:
        """Give videos to workers that have room."""
        end = time.monotonic() + _FILL_SECONDS
        while self._busy and self._busy[0][0] <= time.monotonic():
            self._pending.append(self._busy.popleft()[1])
        self.state.waiting = len(self._busy)
        while self._pending and not self.is_full and time.monotonic() < end and self._executor.room() > 0:
            video = self._pending.popleft()
            if not self._is_settled(video):
                self._submit(video, self._upcoming(end))

    def _upcoming(self, end: float) -> Upcoming | None:
        """The first remote video of those that have to wait for a worker and are not announced yet; None for none that
        was found until `end`."""
        for video in islice(self._pending, max(0, self._executor.room() - 1), None):
            if time.monotonic() > end:
                break
            if is_remote(video.source) and video.name not in self._announced:
                self._announced.add(video.name)
                if self._is_open(video):
                    return Upcoming(video.name, video.source)
        return None

    def _is_open(self, video: Video) -> bool:
        """Whether a video has to be tracked, as far as that can be told now."""
        try:
            marker = self._tree.marker(video.name)
            return marker is None or (self._overwrite and bool(what_changed(marker, video.source, video.recipe)))
        except (OSError, ValueError):
            return False

    def _is_settled(self, video: Video) -> bool:
        """Whether there is a result that stays, which is noted."""
        try:
            marker = self._tree.marker(video.name)
            changed = "" if marker is None else what_changed(marker, video.source, video.recipe)
        except (OSError, ValueError) as error:
            self._fail(video, Outcome("failed", str(error)))
            return True
        if marker is None or (changed and self._overwrite):
            return False
        self.state.changed += bool(changed)
        self.state.skipped += not changed
        self.state.settle(video.weight)
        status: Literal["changed", "done"] = "changed" if changed else "done"
        row = Row(video.name, video.source, status, time.time(), marker.figures, reason=changed)
        self._note(row, is_new=False)
        return True

    def _submit(self, video: Video, upcoming: Upcoming | None) -> None:
        attempt = self._attempts[video.name] = self._attempts.get(video.name, 0) + 1
        is_last = attempt == self._max_attempts > 1
        work = TrackTask(video.source, video.recipe, self._overwrite, is_last, upcoming)
        log = control_folder(self._out) / "logs" / f"{video.name}.log"
        self._in_hand[video.name] = upcoming
        self._executor.submit(Task(video.name, msgspec.to_builtins(work), str(log)))

    def _take(self, timeout_seconds: float) -> None:
        """Take what the workers report."""
        for report in self._executor.poll(timeout_seconds):
            if report.outcome is not None:
                self.state.workers.pop(report.worker, None)
                upcoming = self._in_hand.pop(report.task)
                if upcoming is not None and report.outcome.status != "done":  # it may not have been copied
                    self._announced.discard(upcoming.name)
                self._end(self._videos[report.task], report.outcome)
            else:
                self._see(report)
        self.state.updated = time.time()
        for watcher in self._watchers:
            watcher.moved(self.state)

    def _see(self, report: Report) -> None:
        worker = self.state.workers.get(report.worker)
        if worker is None or worker.video != report.task:
            worker = self.state.workers[report.worker] = WorkerState(report.task, time.time())
        if report.progress is not None:
            worker.progress = report.progress

    def _end(self, video: Video, outcome: Outcome) -> None:
        """Note how an attempt ended, and what follows."""
        if outcome.status == "done":
            figures = msgspec.convert(outcome.result, Figures)
            self.state.settle(video.weight, figures)
            self._note(self._row(video, figures))
        elif outcome.status == "busy":
            self._attempts[video.name] -= 1
            self._busy.append((time.monotonic() + _BUSY_SECONDS, video))
        elif outcome.status == "full":
            self.is_full = True
        elif outcome.status == "failed" and outcome.retry and self._attempts[video.name] < self._max_attempts:
            self._pending.append(video)
        elif outcome.status == "failed":
            self._fail(video, outcome)

    def _fail(self, video: Video, outcome: Outcome) -> None:
        self.state.failed += 1
        self.state.settle(video.weight)
        self._note(self._row(video, None, outcome))

    def _row(self, video: Video, figures: Figures | None, failure: Outcome | None = None) -> Row:
        attempts = self._attempts.get(video.name, 0)
        if failure is None:
            return Row(video.name, video.source, "done", time.time(), figures, attempts)
        reason, log = failure.reason, failure.log_tail
        return Row(video.name, video.source, "failed", time.time(), None, attempts, reason, log)

    def _note(self, row: Row, is_new: bool = True) -> None:
        for watcher in self._watchers:
            watcher.settled(row, is_new)
