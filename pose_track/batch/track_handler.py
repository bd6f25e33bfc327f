"""A worker's side of a batch: one video after another, each in a working folder, whose results are then published."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pose_track.batch.recipe import Recipe, weights_differ
from pose_track.batch.remote_tree import open_tree
from pose_track.batch.results import Figures, control_folder, identify, make_marker, what_changed
from pose_track.batch.staging import Staging
from pose_track.batch.stores import is_remote
from pose_track.batch.task import Progress, Task, named_function
from pose_track.config.settings import Settings, StageSettings
from pose_track.pipeline.run_state import STATE_FILE
from pose_track.pipeline.summary import Summary
from pose_track.pipeline.track_file import track_file
from pose_track.utils.folder_lock import locked_folder
from pose_track.video.source import DamageError, DecodeError

if TYPE_CHECKING:
    from pose_track.pipeline.stages import Stages

WORK, STAGED = "work", "staged"
HANDLER = "pose_track.batch.track_handler:open_track_handler"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Upcoming:
    """A remote video that some worker tracks later. name: in its batch."""

    name: str
    source: str


@dataclass(frozen=True)
class TrackTask:
    """The arguments of a task.

    source: the video. recipe: how it is tracked. overwrite: whether other results may be replaced. anew: whether to
    begin at the first frame, whatever an earlier attempt has left. upcoming: what to copy meanwhile.
    """

    source: str
    recipe: Recipe
    overwrite: bool = False
    anew: bool = False
    upcoming: Upcoming | None = None


def open_track_handler(setup: Mapping[str, Any]) -> TrackHandler:
    """The handler of a worker. setup: "out", the folder of the batch; "stages", "results", "staging_bytes": of the
    handler."""
    return TrackHandler(Path(setup["out"]), setup.get("stages"), setup.get("results"), setup.get("staging_bytes"))


class TrackHandler:
    """See `pose_track.batch.task.Handler`.

    stages: "module:function" of settings -> `Stages`; None for the networks that the settings name.
    results: URL of the folder of results; None for `out`. staging_bytes: see `Staging`.
    """

    def __init__(
        self, out: Path, stages: str | None = None, results: str | None = None, staging_bytes: int | None = None
    ) -> None:
        self._out, self._tree, self._stages_function = out, open_tree(out, results), stages
        self._loaded: tuple[str, Stages] | None = None  # networks of the last video, and their settings
        self._staging = open_staging(out, staging_bytes)
        self._summary = Summary()

    def progress(self) -> Progress:
        return Progress(self._summary.frames, self._summary.people, self._staging.is_waiting)

    def run(self, task: Task) -> dict[str, Any]:
        """Track a video and publish its results, unless they are there by now. The result are its `Figures`.

        Raises as `track_file`; BlockingIOError while another worker has the video in its hands.
        """
        self._summary = Summary()
        work = msgspec.convert(task.arguments, TrackTask)
        folder = work_folder(self._out, task.name, work.recipe)
        with _leased(folder):
            marker = self._tree.marker(task.name)
            if marker is not None and not what_changed(marker, work.source, work.recipe):
                return asdict(marker.figures)
            self._tree.check_free(task.name, work.overwrite)
            return asdict(self._track(task.name, work, folder / "results"))

    def _track(self, name: str, work: TrackTask, folder: Path) -> Figures:
        source = identify(work.source)
        settings = Settings.model_validate(work.recipe.settings)
        faults = 0
        try:
            with self._local(name, work.source) as video, self._ahead(work.upcoming):
                self._run(video, work, folder, self._stages(settings, work.recipe), settings)
        except DamageError as damage:
            logger.warning("%s", damage)
            faults = len(damage.faults)
        except (DecodeError, ValueError):
            shutil.rmtree(folder, ignore_errors=True)  # another attempt would end in the same way
            raise
        figures = _figures(self._summary, faults)
        self._tree.publish(folder, name, make_marker(folder, source, work.recipe, figures), work.overwrite)
        return figures

    def _local(self, name: str, source: str) -> AbstractContextManager[Path]:
        """A context with the file of a video, which for a remote one is a copy."""
        return self._staging.staged(name, source) if is_remote(source) else nullcontext(Path(source))

    def _ahead(self, upcoming: Upcoming | None) -> AbstractContextManager[None]:
        return nullcontext() if upcoming is None else self._staging.ahead(upcoming.name, upcoming.source)

    def _run(self, video: Path, work: TrackTask, folder: Path, stages: Stages, settings: Settings) -> None:
        """Write the results into the folder, going on with an interrupted attempt where that is possible."""
        name = work.source if is_remote(work.source) else None
        if (folder / STATE_FILE).exists() and not work.anew:
            try:
                track_file(video, folder, stages, settings, summary=self._summary, resume=True, name=name)
                return
            except ValueError as error:  # such as a video that has changed since
                logger.warning("begins at the first frame, for %s", error)
                self._summary = Summary()
        track_file(video, folder, stages, settings, overwrite=True, summary=self._summary, name=name)

    def _stages(self, settings: Settings, recipe: Recipe) -> Stages:
        """The stages of the settings, which stay loaded while these do not change."""
        wanted = settings.model_dump_json(include=set(StageSettings.model_fields))
        if self._loaded is None or self._loaded[0] != wanted:
            self._loaded = None  # or two would be in memory
            stages = self._build(settings)
            if stage := weights_differ(recipe.weights, stages.weights):
                raise ValueError(f"the weights of the {stage} are others here than where the batch was started")
            self._loaded = wanted, stages
        return self._loaded[1]

    def _build(self, settings: Settings) -> Stages:
        if self._stages_function is not None:
            build: Callable[[Settings], Stages] = named_function(self._stages_function)
            return build(settings)
        from pose_track.build.stages import build_stages

        return build_stages(settings)


def open_staging(out: Path, limit_bytes: int | None = None) -> Staging:
    """The copies of remote videos of all batches in `out`."""
    return Staging(control_folder(out) / STAGED, limit_bytes)


@contextmanager
def _leased(folder: Path) -> Iterator[None]:
    """`locked_folder`, where another worker may be removing the folder, which it has finished, right now."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked_folder(folder))
        except FileNotFoundError:
            raise BlockingIOError(f"{str(folder)!r} is being removed by another worker") from None
        yield
    with suppress(OSError):  # other videos are being tracked; the worker of a killed batch may be the last one here
        folder.parent.rmdir()


def remove_leftovers(out: Path) -> None:
    """Remove the folders of killed workers that hold nothing with which another attempt could go on."""
    with suppress(OSError):
        for folder in (control_folder(out) / WORK).iterdir():
            with suppress(OSError), _leased(folder):  # it is in use
                pass


def work_folder(out: Path, name: str, recipe: Recipe) -> Path:
    """The folder in which a video is tracked. It belongs to the name and the recipe, so that another attempt goes on
    with what is in it."""
    digest = hashlib.sha256(f"{name}\0{recipe.digest}".encode(errors="surrogateescape")).hexdigest()
    return control_folder(out) / WORK / digest[:20]


def _figures(summary: Summary, faults: int) -> Figures:
    seconds, fps = round(summary.seconds, 3), round(summary.frames_per_second, 2)
    return Figures(summary.frames, summary.people, len(summary.track_ids), faults, seconds, fps)
