"""A whole batch: workers, the loop, its files, and the display."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from pose_track.batch.display import Display
from pose_track.batch.driver import Batch, Video
from pose_track.batch.executor import find_executor
from pose_track.batch.journal import open_journal
from pose_track.batch.measure_workers import measure_workers
from pose_track.batch.records import Records
from pose_track.batch.remote_tree import open_tree
from pose_track.batch.state import BatchState
from pose_track.batch.task import Limits, WorkerSetup
from pose_track.batch.track_handler import HANDLER, open_staging, remove_leftovers

LOCAL = "local"
_WORTH_MEASURING = 4  # videos


@dataclass(frozen=True)
class BatchOptions:
    """How a batch is run.

    executor: by name, see `find_executor`. workers: None for as many as suit the machines; `local` then measures.
    executor_options: of the executor alone. limits: of each video. attempts: after how many a video has failed.
    overwrite: whether results of other settings, weights or content are replaced. formats: of the summary. prometheus:
    a file for its textfile collector. stages: "module:function" of settings -> `Stages`, in place of the networks.
    results: URL of the folder of results; None for that of the batch. staging_bytes: of copies of remote videos, see
    `Staging`.
    """

    executor: str = LOCAL
    workers: int | None = None
    executor_options: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    attempts: int = 3
    overwrite: bool = False
    formats: Collection[str] = ("csv",)
    prometheus: Path | None = None
    stages: str | None = None
    results: str | None = None
    staging_bytes: int | None = None


def run_batch(
    videos: Sequence[Video], out: Path, options: BatchOptions, display: Display, check: Callable[[], None]
) -> BatchState:
    """Track all videos whose results are not there yet; returns how it ended.

    check: see `Batch.run`. Raises OSError where there is no room for results.
    """
    arguments = {"stages": options.stages, "results": options.results, "staging_bytes": options.staging_bytes}
    setup = WorkerSetup(HANDLER, {"out": str(out), **arguments}, options.limits)
    out.mkdir(parents=True, exist_ok=True)
    with open_journal(out) as journal:
        records = Records(journal, out, options.formats, options.prometheus)
        workers = options.workers
        if workers is None and options.executor == LOCAL:
            workers = _measured(videos, setup, out, options, display, check)
        executor = find_executor(options.executor)(setup, workers, options.executor_options)
        batch = Batch(videos, out, executor, (records, display), options.attempts, options.overwrite, options.results)
        try:
            return batch.run(check)
        finally:
            with suppress(OSError):
                open_staging(out).clean()
            remove_leftovers(out)
            records.save_state(batch.state)
            records.save_tables()


def _measured(
    videos: Sequence[Video],
    setup: WorkerSetup,
    out: Path,
    options: BatchOptions,
    display: Display,
    check: Callable[[], None],
) -> int:
    """How many local workers are fastest on the first video that has no results; 1 where there are too few of them for
    it to be worth it."""
    tree = open_tree(out, options.results)
    missing = (video for video in videos if tree.marker(video.name) is None)
    todo = list(islice(missing, _WORTH_MEASURING))
    if len(todo) < _WORTH_MEASURING:
        return 1
    display.say("measuring how many workers are fastest")
    workers = measure_workers(setup, todo[0], out, options.executor_options, check)
    display.say(f"workers: {workers}")
    return workers
