"""One video's results on disk: track records during tracking, the annotated video, and the exports at the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from pose_track.config.settings import ReaderSettings, Settings, StageSettings
from pose_track.formats.posetrack.reader import write_posetrack17, write_posetrack18
from pose_track.formats.tracks_jsonl import is_complete
from pose_track.formats.tracks_source import TracksSource
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.pipeline.errors import DamageRecords, explain_write_errors, mute_incomplete_file_warnings, record_fault
from pose_track.pipeline.no_people import Evidence, WatchedTracker
from pose_track.pipeline.render import render
from pose_track.structures.conversion import is_convertible
from pose_track.structures.frames import Frame, TrackedPoses
from pose_track.structures.skeleton import POSETRACK18_17, POSETRACK_15
from pose_track.structures.skeleton_record import header_fields
from pose_track.utils.folder_lock import is_locked, lock_owner, locked_folder
from pose_track.utils.interrupts import DeferredInterrupt
from pose_track.utils.names import printable
from pose_track.utils.prefetch import Prefetcher
from pose_track.utils.version import __version__
from pose_track.video.reader import VideoInfo, VideoReader, open_video
from pose_track.video.writer import MAX_SIDE, VideoWriter

if TYPE_CHECKING:
    from pose_track.pipeline.stages import Stages

logger = logging.getLogger(__name__)

TRACKS_FILE, POSETRACK18_FILE, POSETRACK17_FILE, ANNOTATED_FILE = OUTPUT_FILES = (
    "tracks.jsonl",
    "tracks.posetrack18.json",
    "tracks.posetrack17.json",
    "annotated.mp4",
)

# tqdm's own formats, but always with frames per second, never seconds per frame
_BAR_FORMAT = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]"
_BAR_FORMAT_WITHOUT_TOTAL = "{desc}: {n_fmt} frames [{elapsed}, {rate_noinv_fmt}{postfix}]"

Results = Iterable[tuple[Frame, TrackedPoses]]


@dataclass
class Summary:
    """The result of tracking one video in figures.

    people: number of people, summed over the frames.
    seconds: wall-clock time.
    evidence: what there was of people, tracked or not.
    """

    frames: int = 0
    people: int = 0
    track_ids: set[int] = field(default_factory=set)
    seconds: float = 0.0
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def frames_per_second(self) -> float:
        return self.frames / self.seconds if self.seconds else 0.0

    def add(self, tracked: TrackedPoses) -> None:
        self.frames += 1
        self.people += len(tracked)
        self.track_ids.update(tracked.track_ids.tolist())


def check_output_folder(folder: Path, overwrite: bool) -> None:
    """Raises FileExistsError if the folder holds results and `overwrite` is off; BlockingIOError if another run is
    writing into it."""
    if is_locked(folder):
        raise BlockingIOError(
            f"{lock_owner(folder)} is writing into {str(folder)!r}; wait for it, or give another --out"
        )
    _check_results(folder, overwrite)


def _check_results(folder: Path, overwrite: bool) -> None:
    existing = [folder / name for name in OUTPUT_FILES if (folder / name).exists()]
    if existing and not overwrite:
        run = f"a run that {_how_it_ended(folder / TRACKS_FILE)}"
        raise FileExistsError(
            f"{str(existing[0])!r} already exists, of {run}; give --overwrite to replace its results, or another --out"
        )


def _how_it_ended(tracks: Path) -> str:
    try:
        return "is finished" if is_complete(tracks) else "was not finished"
    except (OSError, ValueError):  # no tracks file, or one that was killed before its header
        return "left no track records"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """`locked_folder`, with errors that name the remedy."""
    with ExitStack() as stack:
        with explain_write_errors(folder):
            stack.enter_context(locked_folder(folder))
        yield


def track_file(
    video: Path,
    folder: Path,
    stages: Stages,
    settings: Settings,
    overwrite: bool = False,
    summary: Summary | None = None,
) -> Summary:
    """Track one video and write OUTPUT_FILES into `folder`; `summary` is updated frame by frame and returned.

    After the first frame, an error or an interrupt ends the track records with a fault record that names it. All files
    then are valid up to that frame, and the error is raised to the caller. Where not even the first frame can be
    tracked, nothing is written and older results stay. A damaged video is read on, with a fault record at each damage,
    and DamageError is raised once all its results are written; see `reader.on_damage`. Raises FileExistsError, and
    BlockingIOError while another process writes into the folder.
    """
    summary = Summary() if summary is None else summary
    with (
        _locked(folder),
        open_reader(video, settings.reader) as reader,
        DeferredInterrupt() as interrupt,
    ):
        _check_results(folder, overwrite)
        with Prefetcher() as prefetcher:
            started = time.perf_counter()
            tracker = WatchedTracker(stages.make_tracker(reader.info.fps), summary.evidence)
            results = prefetcher.prefetch(stages.track(reader, tracker, interrupt.check), 2)
            tracked = chain([next(results)], results)  # a reader without any frame raises
            try:
                with explain_write_errors(folder), mute_incomplete_file_warnings():
                    _write(tracked, reader, folder, stages, settings, summary)
            finally:
                summary.seconds = time.perf_counter() - started
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
    )


def _write(
    results: Results,
    reader: VideoReader,
    folder: Path,
    stages: Stages,
    settings: Settings,
    summary: Summary,
) -> None:
    _clear(folder)
    info = reader.info
    try:
        with ExitStack() as stack:
            records = stack.enter_context(TracksWriter(folder / TRACKS_FILE, tracks_header(info, stages, settings)))
            damage = DamageRecords(records, reader.faults)
            stack.enter_context(record_fault(records, damage))
            video = stack.enter_context(_open_annotated(folder, info, settings)) if _renders(info, settings) else None
            bar = stack.enter_context(_progress_bar(info, settings.reader))
            timed = stages.profile.timed
            write, draw = timed("write records", records.write), timed("render", render)
            encode = None if video is None else timed("encode", video.write)
            for frame, tracked in results:
                damage.write(frame.index)
                write(tracked)
                if encode is not None:
                    encode(draw(frame.image, tracked, settings.output.min_joint_score), frame.pts_seconds)
                summary.add(tracked)
                bar.set_postfix(people=len(tracked), refresh=False)
                bar.update()
    except BaseException:
        _export_after_error(folder)
        raise
    _export(folder)


def _clear(folder: Path) -> None:
    """Create the folder, and remove the results of an older run and what a killed one left."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*OUTPUT_FILES, f"{ANNOTATED_FILE}.partial"):
        (folder / name).unlink(missing_ok=True)


def _renders(info: VideoInfo, settings: Settings) -> bool:
    """Whether there is an annotated video; frames that its encoder does not take have none, with a warning."""
    if settings.output.render and max(info.width, info.height) > MAX_SIDE:
        size = f"{info.width}x{info.height}"
        logger.warning("%s: no annotated video of %s, whose sides have at most %d pixels", info.source, size, MAX_SIDE)
        return False
    return settings.output.render


def _open_annotated(folder: Path, info: VideoInfo, settings: Settings) -> VideoWriter:
    return VideoWriter(folder / ANNOTATED_FILE, info.width, info.height, info.fps / settings.reader.stride)


def _progress_bar(info: VideoInfo, settings: ReaderSettings) -> tqdm[None]:
    total = expected_frames(info, settings)
    bar_format = _BAR_FORMAT_WITHOUT_TOTAL if total is None else _BAR_FORMAT
    return tqdm(total=total, desc=Path(info.source).name, unit=" frames", bar_format=bar_format)


def _export(folder: Path) -> None:
    """Write the track records in the other formats that can hold their joints. A full disk may have cut off the last
    record."""
    tracks = TracksSource(folder / TRACKS_FILE, allow_cut_end=True)
    if not all(is_convertible(tracks.skeleton, target) for target in (POSETRACK18_17, POSETRACK_15)):
        logger.warning("%s: no PoseTrack files, which cannot hold the joints of %s", folder, tracks.skeleton)
        return
    write_posetrack18(tracks, folder / POSETRACK18_FILE)
    write_posetrack17(tracks, folder / POSETRACK17_FILE)


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
