"""One video's results on disk: track records during tracking, the annotated video, and the exports at the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from pose_track.config.settings import ReaderSettings, Settings, StageSettings
from pose_track.formats.posetrack.reader import write_posetrack17, write_posetrack18
from pose_track.formats.tracks_jsonl import is_complete
from pose_track.formats.tracks_source import TracksSource
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.pipeline.errors import DamageRecords, explain_write_errors, mute_incomplete_file_warnings, record_fault
from pose_track.pipeline.no_people import NOTHING_SEEN, Evidence
from pose_track.pipeline.observed_tracker import ObservedTracker
from pose_track.pipeline.render import render
from pose_track.pipeline.result_folder import (
    ANNOTATED_FILE,
    POSETRACK17_FILE,
    POSETRACK18_FILE,
    TRACKS_FILE,
    check_results,
    clear,
    locked,
)
from pose_track.pipeline.resume import recorded_frames, state_to_resume
from pose_track.pipeline.run_state import STATE_FILE, RunState, StateKeeper, TrackingState, source_digest
from pose_track.structures.conversion import is_convertible
from pose_track.structures.frames import Frame, TrackedPoses
from pose_track.structures.skeleton import POSETRACK18_17, POSETRACK_15
from pose_track.structures.skeleton_record import header_fields
from pose_track.tracking.linker import LinkerState
from pose_track.utils.interrupts import DeferredInterrupt
from pose_track.utils.names import printable
from pose_track.utils.prefetch import Prefetcher
from pose_track.utils.version import __version__
from pose_track.video.reader import VideoInfo, VideoReader, open_video
from pose_track.video.writer import MAX_SIDE, VideoWriter

if TYPE_CHECKING:
    from pose_track.pipeline.stages import Stages

logger = logging.getLogger(__name__)

# tqdm's own formats, but always with frames per second, never seconds per frame
_BAR_FORMAT = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]"
_BAR_FORMAT_WITHOUT_TOTAL = "{desc}: {n_fmt} frames [{elapsed}, {rate_noinv_fmt}{postfix}]"

Results = Iterable[tuple[Frame, TrackedPoses]]


@dataclass
class Summary:
    """The result of tracking one video in figures.

    frames: all that have a record.
    num_resumed: of these, the frames that an interrupted run had recorded before.
    people: number of people, summed over the frames.
    seconds: wall-clock time of this run.
    evidence: what there was of people, tracked or not.
    """

    frames: int = 0
    num_resumed: int = 0
    people: int = 0
    track_ids: set[int] = field(default_factory=set)
    seconds: float = 0.0
    evidence: Evidence = NOTHING_SEEN

    @property
    def frames_per_second(self) -> float:
        return (self.frames - self.num_resumed) / self.seconds if self.seconds else 0.0

    def add(self, tracked: TrackedPoses) -> None:
        self.frames += 1
        self.people += len(tracked)
        self.track_ids.update(tracked.track_ids.tolist())


def track_file(
    video: Path,
    folder: Path,
    stages: Stages,
    settings: Settings,
    overwrite: bool = False,
    summary: Summary | None = None,
    resume: bool = False,
) -> Summary:
    """Track one video and write OUTPUT_FILES into `folder`; `summary` is updated frame by frame and returned.

    After the first frame, an error or an interrupt ends the track records with a fault record that names it. All files
    then are valid up to that frame, and the error is raised to the caller. Where not even the first frame can be
    tracked, nothing is written and older results stay. A damaged video is read on, with a fault record at each damage,
    and DamageError is raised once all its results are written; see `reader.on_damage`.

    resume: go on with the interrupted run in the folder, if there is one, so that its records become those of an
        unbroken run. The annotated video is drawn anew.

    Raises FileExistsError where the folder holds other results, BlockingIOError while another process writes into it,
    ValueError where the interrupted run was one of another video or other settings.
    """
    summary = Summary() if summary is None else summary
    with locked(folder), open_reader(video, settings.reader) as reader, DeferredInterrupt() as interrupt:
        check_results(folder, overwrite, resume)
        run = _Run(video, folder, stages, settings, reader, summary)
        if resume:
            run.resume()
        run.track(interrupt.check)
        interrupt.check()
    return summary


def open_reader(video: Path, settings: ReaderSettings) -> VideoReader:
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
    )


class _Run:
    """The tracking of one video into a folder, from its first frame on or, after `resume`, from where it was left."""

    def __init__(
        self, video: Path, folder: Path, stages: Stages, settings: Settings, reader: VideoReader, summary: Summary
    ) -> None:
        self._folder, self._stages, self._settings = folder, stages, settings
        self._reader, self._summary = reader, summary
        self._header = tracks_header(reader.info, stages, settings)
        self._source = source_digest(video)
        self._tracker = ObservedTracker(stages.make_tracker(reader.info.fps), stages.state_every)
        self._state: RunState | None = None

    def resume(self) -> None:
        """Go on from the state in the folder, if there is one. Raises as `state_to_resume`."""
        self._state = state_to_resume(self._folder, self._header, self._source)
        self._summary.num_resumed = 0 if self._state is None else self._state.num_recorded

    def track(self, check: Callable[[], None]) -> None:
        """Write all results. check: see `track_video`."""
        with Prefetcher() as prefetcher:
            started = time.perf_counter()
            results = self._results(prefetcher, check)
            if self._state is None:
                results = chain([next(results)], results)  # a reader without any frame raises
            try:
                with explain_write_errors(self._folder), mute_incomplete_file_warnings():
                    self._write(results)
            finally:
                self._summary.seconds = time.perf_counter() - started
                self._summary.evidence = self._tracker.evidence

    def _results(self, prefetcher: Prefetcher, check: Callable[[], None]) -> Iterator[tuple[Frame, TrackedPoses]]:
        """All frames, those that were recorded before included."""
        frames = iter(self._reader)
        if self._state is not None:
            before = prefetcher.prefetch(islice(frames, self._state.num_recorded), self._stages.frames_per_batch)
            for result in recorded_frames(self._folder / TRACKS_FILE, before):
                check()
                yield result
            tracking = self._state.tracking
            self._tracker.resume(tracking, list(islice(frames, len(tracking.waiting))))
        yield from prefetcher.prefetch(self._stages.track(frames, self._tracker, check), 2)

    def _write(self, results: Results) -> None:
        state, folder, info = self._state, self._folder, self._reader.info
        timed = self._stages.profile.timed
        clear(folder, keep_records=state is not None)
        try:
            with ExitStack() as stack:
                end = None if state is None else state.records
                records = stack.enter_context(TracksWriter(folder / TRACKS_FILE, self._header, end))
                keeper = StateKeeper(folder, self._source, records)
                keeper.offer(TrackingState(LinkerState()) if state is None else state.tracking)
                damage = DamageRecords(records, self._reader.faults)
                stack.enter_context(record_fault(records, damage))
                video = stack.enter_context(self._open_annotated()) if _renders(info, self._settings) else None
                bar = stack.enter_context(_progress_bar(info, self._settings.reader))
                record, draw = timed("write records", records.write), timed("render", render)
                encode = None if video is None else timed("encode", video.write)
                for frame, tracked in results:
                    if self._summary.frames < self._summary.num_resumed:
                        damage.pass_over(frame.index)
                    else:
                        damage.write(frame.index)
                        record(tracked)
                        keeper.offer(self._tracker.states.pop(frame.index, None))
                    if encode is not None:
                        encode(draw(frame.image, tracked, self._settings.output.min_joint_score), frame.pts_seconds)
                    self._summary.add(tracked)
                    bar.set_postfix(people=len(tracked), refresh=False)
                    bar.update()
        except BaseException:
            _export_after_error(folder)
            raise
        _export(folder)

    def _open_annotated(self) -> VideoWriter:
        info = self._reader.info
        fps = info.fps / self._settings.reader.stride
        return VideoWriter(self._folder / ANNOTATED_FILE, info.width, info.height, fps)


def _renders(info: VideoInfo, settings: Settings) -> bool:
    """Whether there is an annotated video; frames that its encoder does not take have none, with a warning."""
    if settings.output.render and max(info.width, info.height) > MAX_SIDE:
        size = f"{info.width}x{info.height}"
        logger.warning("%s: no annotated video of %s, whose sides have at most %d pixels", info.source, size, MAX_SIDE)
        return False
    return settings.output.render


def _progress_bar(info: VideoInfo, settings: ReaderSettings) -> tqdm[None]:
    total = expected_frames(info, settings)
    bar_format = _BAR_FORMAT_WITHOUT_TOTAL if total is None else _BAR_FORMAT
    return tqdm(total=total, desc=Path(info.source).name, unit=" frames", bar_format=bar_format)


def _export(folder: Path) -> None:
    """Write the track records in the other formats that can hold their joints. A full disk may have cut off the last
    record. The state of a run whose records are complete is not needed any more."""
    tracks = TracksSource(folder / TRACKS_FILE, allow_cut_end=True)
    if all(is_convertible(tracks.skeleton, target) for target in (POSETRACK18_17, POSETRACK_15)):
        write_posetrack18(tracks, folder / POSETRACK18_FILE)
        write_posetrack17(tracks, folder / POSETRACK17_FILE)
    else:
        logger.warning("%s: no PoseTrack files, which cannot hold the joints of %s", folder, tracks.skeleton)
    if is_complete(folder / TRACKS_FILE):
        (folder / STATE_FILE).unlink(missing_ok=True)


def _export_after_error(folder: Path) -> None:
    """Export the records up to an error. An error of the export is only logged, so that it does not hide the first."""
    try:
        _export(folder)
    except (OSError, ValueError) as second:
        logger.warning("%s: the exports could not be written either: %s", folder, second)


def expected_frames(info: VideoInfo, settings: ReaderSettings) -> int | None:
    """Number of frames to track, for the progress bar; None where the file does not state its length."""
    total = info.num_frames_from_header
    if total is None:
        return None
    last = total if settings.end_seconds is None else min(total, round(Fraction(settings.end_seconds) * info.fps))
    first = round(Fraction(settings.start_seconds or 0.0) * info.fps)
    return max(0, -(-(last - first) // settings.stride))


def tracks_header(info: VideoInfo, stages: Stages, settings: StageSettings) -> dict[str, object]:
    """The header of the track records."""
    return {
        "version": __version__,
        "source": printable(info.source),
        "fps": float(info.fps),
        "width": info.width,
        "height": info.height,
        **header_fields(stages.skeleton),
        "settings": settings.model_dump(mode="json"),
        "weights": stages.weights,
    }
