"""One video tracked in parts by the workers of an executor, and joined."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from time import perf_counter

from pose_track.batch.executor import Executor
from pose_track.batch.recipe import key_of, make_recipe
from pose_track.batch.results import identify
from pose_track.batch.run_tasks import run_tasks
from pose_track.batch.task import Limits, Report, Task, WorkerSetup
from pose_track.config.people import PeopleSettings
from pose_track.config.settings import Settings
from pose_track.parts.handler import BUILD_STAGES, part_task, part_worker
from pose_track.parts.plan import Split, split_video
from pose_track.parts.result import write_joined
from pose_track.parts.track_part import overlap_of
from pose_track.pipeline.result_folder import check_results, locked
from pose_track.pipeline.summary import Summary
from pose_track.video.part_reader import VideoTimes, read_times, video_part

_ATTEMPTS = 3
_WHOLE = {"start_seconds": None, "end_seconds": None, "stride": 1, "max_frames": None, "decoder": "pyav"}

OpenExecutor = Callable[[WorkerSetup], Executor]


class PartError(ValueError):
    """A part that could not be tracked."""


def track_in_parts(
    video: Path,
    folder: Path,
    settings: Settings,
    num_parts: int,
    open_executor: OpenExecutor,
    overwrite: bool = False,
    report: Callable[[Report], None] = lambda report: None,
    build_stages: str = BUILD_STAGES,
) -> Summary:
    """Write the result of a video into `folder`, as `track_file` does.

    Parts that an interrupted run has finished are not tracked again. A worker that dies loses the part in its hands,
    which is tracked anew, three times at most.

    open_executor: makes the executor of the workers.
    report: called with what the workers report, in this thread.
    build_stages: "module:function" from settings to stages.

    Raises PartError where a part cannot be tracked; ValueError for settings of a part of the video, where a part would
    be no longer than its overlap, and as `read_times`; FileExistsError and BlockingIOError as `track_file`.
    """
    _check_settings(settings)
    started = perf_counter()
    with locked(folder):
        check_results(folder, overwrite, resume=False)
        times = read_times(video)
        splits = split_video(times.seconds, num_parts, overlap_of(settings, float(times.fps)))
        recipe = make_recipe(settings, None if build_stages == BUILD_STAGES else build_stages)
        work = folder / f".parts-{key_of(identify(str(video)).digest, recipe.digest)[:20]}"
        work.mkdir(exist_ok=True)
        tasks = _tasks(video, times, splits, work)
        missing = [task for task in tasks if not Path(task.arguments["records"]).exists()]
        if missing:
            _run_tasks(open_executor(part_worker(settings, Limits(), build_stages)), missing, report)
        records = [Path(task.arguments["records"]) for task in tasks]
        summary = write_joined(video, folder, splits, records, settings)
        shutil.rmtree(work)
    summary.seconds = perf_counter() - started
    return summary


def _check_settings(settings: Settings) -> None:
    """Raises ValueError for settings under which not all of a video is tracked, or not by PyAV."""
    for name, value in _WHOLE.items():
        if getattr(settings.reader, name) != value:
            raise ValueError(f"reader.{name} has no effect on a video in parts, of which all is tracked; leave it out")
    if settings.people != PeopleSettings():
        raise ValueError("the result of a video in parts has everybody; choose people from it, as by pose-track finish")


def _tasks(video: Path, times: VideoTimes, splits: Sequence[Split], work: Path) -> list[Task]:
    """A task for each part, named by its frames: another number of parts makes other tasks."""
    tasks = []
    for split in splits:
        name = f"{split.start}-{split.stop}"
        part = video_part(times, split.start, split.stop)
        tasks.append(part_task(name, video, part, work / f"{name}.jsonl", work / f"{name}.log"))
    return tasks


def _run_tasks(executor: Executor, tasks: Sequence[Task], report: Callable[[Report], None]) -> None:
    """Have all tasks done. Raises PartError for the first that cannot be, after which the workers are stopped."""
    with closing(run_tasks(executor, tasks, report, _ATTEMPTS)) as ended:
        for task, outcome in ended:
            if outcome.status != "done":
                raise PartError(f"frames {task.name}: {outcome.reason or outcome.status}; see {task.log}")
