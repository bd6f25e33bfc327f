"""One video's results on disk: track records during tracking, the annotated video, and the exports at the end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.config.settings import Settings
from pose_track.config.sources import ReaderSettings, StreamSettings
from pose_track.pipeline.chosen_people import LastStep, choice_of
from pose_track.pipeline.live_result import LiveResult, OpenOutlet, Outlet, drawing, no_outlet
from pose_track.pipeline.observed_tracker import ObservedTracker
from pose_track.pipeline.result_folder import TRACKS_FILE, check_results, locked
from pose_track.pipeline.result_writer import open_results, renders, tracks_header
from pose_track.pipeline.resume import recorded_frames, state_to_resume
from pose_track.pipeline.run_state import RunState, StateKeeper, TrackingState, source_digest
from pose_track.pipeline.style import style_of
from pose_track.pipeline.summary import Summary
from pose_track.selection.online import OnlineChoice
from pose_track.structures.frames import Frame, TrackedPoses
from pose_track.tracking.linker import LinkerState
from pose_track.utils.interrupts import DeferredInterrupt, Interrupted
from pose_track.utils.prefetch import Prefetcher
from pose_track.video.locations import Location, parse_source
from pose_track.video.reader import VideoReader, open_video
from pose_track.video.stream_options import StreamOptions

if TYPE_CHECKING:
    from pose_track.pipeline.stages import Stages

Results = Iterable[tuple[Frame, TrackedPoses]]


def track_file(
    video: str | Path | Location | VideoReader,
    folder: Path,
    stages: Stages,
    settings: Settings,
    overwrite: bool = False,
    summary: Summary | None = None,
    resume: bool = False,
    open_outlet: OpenOutlet = no_outlet,
    name: str | None = None,
) -> Summary:
    """Track one video, all of its frames, and write OUTPUT_FILES into `folder`; `summary` is updated frame by frame and
    returned.

    After the first frame, an error or an interrupt ends the track records with a fault record that names it. All files
    then are valid up to that frame, and the error is raised to the caller. Where not even the first frame can be
    tracked, nothing is written and older results stay. A damaged video is read on, with a fault record at each damage,
    and DamageError is raised once all its results are written; see `reader.on_damage`.

    video: a source as for `open_video`, which is opened with the settings, or a reader, which is closed at the end.
    resume: go on with the interrupted run in the folder, if there is one, so that its records become those of an
        unbroken run. The annotated video is drawn anew.
    open_outlet: where each result goes besides, when it is recorded.
    name: of the video in the records, where its file is a copy; None for its own.

    Where `people.max_people` is set, records are of everybody until the last frame has come. Then those who were
    largest for longest are kept, and the annotated video is drawn of them, for which the video is read once more. What
    `open_outlet` opens is shown those who are largest for longest so far.

    Raises FileExistsError where the folder holds other results, BlockingIOError while another process writes into it,
    ValueError where the interrupted run was one of another video or other settings.
    """
    summary = Summary() if summary is None else summary
    with ExitStack() as stack:
        if isinstance(video, VideoReader):
            stack.push(video)  # closed whatever happens
        stack.enter_context(locked(folder))
        reader = stack.enter_context(_opened(video, settings))
        interrupt = stack.enter_context(DeferredInterrupt())
        check_results(folder, overwrite, resume)
        reopen = _reopening(video, reader, settings)
        run = _Run(folder, stages, settings, reader, _digest(video), summary, reopen, name)
        if resume:
            run.resume()
        outlet = stack.enter_context(open_outlet(run.header, reader.info))

        def check() -> None:
            interrupt.check()
            if outlet.stop_requested.is_set():
                raise Interrupted(signal.SIGINT)

        run.track(check, outlet)
        check()
    return summary


def _opened(video: str | Path | Location | VideoReader, settings: Settings) -> VideoReader:
    if isinstance(video, VideoReader):
        return video
    return open_reader(video, settings.reader, stream_options(settings.stream))


def _reopening(
    video: str | Path | Location | VideoReader, reader: VideoReader, settings: Settings
) -> Callable[[], VideoReader] | None:
    """Opens the video again, to draw the people who are largest for longest; None where nothing is drawn at the end.
    Raises ValueError where it is to be drawn and cannot be read twice."""
    if settings.people.max_people is None or not renders(reader.info, settings):
        return None
    if isinstance(video, VideoReader) or _digest(video) is None:
        raise ValueError(
            f"{reader.info.source} cannot be read twice, as it takes to draw those who are largest for longest; give "
            "--no-render, or track everybody and choose with pose-track render"
        )
    return partial(_opened, video, settings)


def _digest(video: str | Path | Location | VideoReader) -> str | None:
    """See `source_digest`; None for what cannot be opened again."""
    if isinstance(video, VideoReader):
        return None
    location = video if isinstance(video, Location) else parse_source(video)
    return source_digest(Path(location.address)) if location.kind == "file" else None


def open_reader(
    video: str | Path | Location, settings: ReaderSettings, stream: StreamOptions | None = None
) -> VideoReader:
    """Open the video with the decoder, time range and stride of the settings."""
    return open_video(
        video,
        settings.decoder,
        settings.start_seconds,
        settings.end_seconds,
        settings.stride,
        settings.image_fps,
        settings.on_damage,
        settings.max_pixels,
        stream,
    )


def stream_options(settings: StreamSettings) -> StreamOptions:
    """The settings of cameras, streams and pipes as `open_video` takes them."""
    return StreamOptions(**settings.model_dump())


class _Run:
    """The tracking of one video into a folder, from its first frame on or, after `resume`, from where it was left."""

    def __init__(
        self,
        folder: Path,
        stages: Stages,
        settings: Settings,
        reader: VideoReader,
        source: str | None,
        summary: Summary,
        reopen: Callable[[], VideoReader] | None,
        name: str | None,
    ) -> None:
        self._choice = choice_of(settings)
        self._choice.check_region(reader.info.width, reader.info.height)
        self._reopen = reopen
        self._folder, self._stages, self._settings = folder, stages, settings
        self._reader, self._summary = reader, summary
        info = reader.info if name is None else replace(reader.info, source=name)
        self.header = tracks_header(info, stages, settings)
        self._source = source
        self._tracker = ObservedTracker(stages.make_tracker(reader.info.fps), stages.state_every)
        self._state: RunState | None = None

    def resume(self) -> None:
        """Go on from the state in the folder, if there is one. Raises as `state_to_resume`."""
        self._state = state_to_resume(self._folder, self.header, self._source)
        self._summary.num_resumed = 0 if self._state is None else self._state.num_recorded

    def track(self, check: Callable[[], None], outlet: Outlet) -> None:
        """Write all results. check: see `track_video`."""
        with Prefetcher() as prefetcher:
            started = time.perf_counter()
            results = self._results(prefetcher, check)
            if self._state is None:
                results = chain([next(results)], results)  # a reader without any frame raises
            try:
                self._write(results, outlet, check)
            finally:
                self._summary.seconds = time.perf_counter() - started
                self._summary.evidence = self._tracker.evidence

    def _results(self, prefetcher: Prefetcher, check: Callable[[], None]) -> Iterator[tuple[Frame, TrackedPoses]]:
        """All frames, those that were recorded before included."""
        frames = islice(self._reader, self._settings.reader.max_frames)
        if self._state is not None:
            before = prefetcher.prefetch(islice(frames, self._state.num_recorded), self._stages.frames_per_batch)
            for result in recorded_frames(self._folder / TRACKS_FILE, before):
                check()
                yield result
            tracking = self._state.tracking
            self._tracker.resume(tracking, list(islice(frames, len(tracking.waiting))))
        yield from prefetcher.prefetch(self._stages.track(frames, self._tracker, check), 2)

    def _write(self, results: Results, outlet: Outlet, check: Callable[[], None]) -> None:
        state, folder = self._state, self._folder
        end = None if state is None else state.records
        draw = drawing(style_of(self._settings))
        info, faults, profile = self._reader.info, self._reader.faults, self._stages.profile
        last_step = None
        if self._choice.max_people is not None:
            last_step = LastStep(folder, self._settings, self._reopen, self._summary, check)
        choose = OnlineChoice(self._choice)
        with open_results(folder, self.header, info, faults, self._settings, profile, end, last_step) as writer:
            keeper = StateKeeper(folder, self._source, writer.records)
            keeper.offer(TrackingState(LinkerState()) if state is None else state.tracking)
            for frame, tracked in results:
                is_recorded = self._summary.frames < self._summary.num_resumed
                if not is_recorded:
                    tracked = self._choice.in_region(tracked)
                writer.write(frame, tracked, is_recorded)
                if not is_recorded:
                    keeper.offer(self._tracker.states.pop(frame.index, None))
                    outlet.show(LiveResult(frame, choose(tracked), draw))
                self._summary.add(tracked)
