"""One video's results on disk: records as they come, the annotated video, and the exported formats at the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from pose_track.config.settings import ReaderSettings, Settings, StageSettings
from pose_track.formats.posetrack.reader import write_posetrack17, write_posetrack18
from pose_track.formats.tracks_jsonl import TracksSource, TracksWriter
from pose_track.pipeline.errors import fault_recorded, interrupts_between_frames, told_once, writing_into
from pose_track.pipeline.render import render
from pose_track.structures.frames import Frame, TrackedPoses
from pose_track.utils.prefetch import Prefetcher
from pose_track.utils.version import __version__
from pose_track.video.image_reader import IMAGE_SUFFIXES
from pose_track.video.reader import VideoInfo, VideoReader, open_video
from pose_track.video.writer import VideoWriter

if TYPE_CHECKING:
    from pose_track.pipeline.stages import Stages

logger = logging.getLogger(__name__)

RECORDS, POSETRACK18, POSETRACK17, ANNOTATED = NAMES = (
    "tracks.jsonl",
    "tracks.posetrack18.json",
    "tracks.posetrack17.json",
    "annotated.mp4",
)

# as tqdm's own, but always in frames per second, never in seconds per frame
_BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]"
_BAR_WITHOUT_END = "{desc}: {n_fmt} frames [{elapsed}, {rate_noinv_fmt}{postfix}]"

Results = Iterable[tuple[Frame, TrackedPoses]]


@dataclass
class Summary:
    """What one video gave. people: counted in each frame; seconds: how long it took."""

    frames: int = 0
    people: int = 0
    track_ids: set[int] = field(default_factory=set)
    seconds: float = 0.0

    @property
    def frames_per_second(self) -> float:
        return self.frames / self.seconds if self.seconds else 0.0

    def add(self, tracked: TrackedPoses) -> None:
        self.frames += 1
        self.people += len(tracked)
        self.track_ids.update(tracked.track_ids.tolist())


def check_folder(folder: Path, overwrite: bool) -> None:
    """Raises FileExistsError if the folder holds results that may not be overwritten."""
    there = [name for name in NAMES if (folder / name).exists()]
    if there and not overwrite:
        raise FileExistsError(f"{str(folder)!r} already holds {', '.join(there)}; give --overwrite or another --out")


def track_file(
    video: Path,
    folder: Path,
    stages: Stages,
    settings: Settings,
    overwrite: bool = False,
    summary: Summary | None = None,
) -> Summary:
    """Track one video into `folder`; see NAMES for what is there afterwards, and fill in `summary`.

    Whatever goes wrong after the first frame, and an interrupt, ends the records with a line that names it; what was
    done is kept as valid files, and the error goes on to the caller, who finds in `summary` how far it got. Nothing
    is written, and older results stay, where not even the first frame can be tracked.
    """
    summary = Summary() if summary is None else summary
    check_folder(folder, overwrite)
    with open_reader(video, settings.reader) as reader, interrupts_between_frames() as check, Prefetcher() as overlap:
        started = time.perf_counter()
        results = overlap.ahead(stages.track(reader, stages.make_tracker(reader.info.fps), check), 2)
        tracked = chain([next(results)], results)  # a reader without any frame raises
        try:
            with writing_into(folder), told_once():
                _write(tracked, reader.info, folder, stages, settings, summary)
        finally:
            summary.seconds = time.perf_counter() - started
    return summary


def open_reader(video: Path, settings: ReaderSettings) -> VideoReader:
    """The video, read as the settings say."""
    images = video.is_dir() or video.suffix.lower() in IMAGE_SUFFIXES
    rate = settings.image_fps if images else None
    return open_video(video, settings.decoder, settings.start_seconds, settings.end_seconds, settings.stride, rate)


def _write(
    results: Results,
    info: VideoInfo,
    folder: Path,
    stages: Stages,
    settings: Settings,
    summary: Summary,
) -> None:
    _make_room(folder)
    try:
        with ExitStack() as stack:
            records = stack.enter_context(TracksWriter(folder / RECORDS, header(info, stages, settings)))
            stack.enter_context(fault_recorded(records))
            video = stack.enter_context(_annotated(folder, info, settings)) if settings.output.render else None
            bar = stack.enter_context(_progress(info, settings.reader))
            timed = stages.profile.timed
            write, draw = timed("write records", records.write), timed("render", render)
            encode = None if video is None else timed("encode", video.write)
            for frame, tracked in results:
                write(tracked)
                if encode is not None:
                    encode(draw(frame.image, tracked, settings.output.min_joint_score), frame.pts_seconds)
                summary.add(tracked)
                bar.set_postfix(people=len(tracked), refresh=False)
                bar.update()
    except BaseException:
        _export_what_there_is(folder)
        raise
    _export(folder)


def _make_room(folder: Path) -> None:
    """The folder, without the results of an older run or what a killed one left."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*NAMES, f"{ANNOTATED}.partial"):
        (folder / name).unlink(missing_ok=True)


def _annotated(folder: Path, info: VideoInfo, settings: Settings) -> VideoWriter:
    return VideoWriter(folder / ANNOTATED, info.width, info.height, info.fps / settings.reader.stride)


def _progress(info: VideoInfo, settings: ReaderSettings) -> tqdm[None]:
    total = expected_frames(info, settings)
    form = _BAR_WITHOUT_END if total is None else _BAR
    return tqdm(total=total, desc=Path(info.source).name, unit=" frames", bar_format=form)


def _export(folder: Path) -> None:
    """The records in the other formats. A full disk may have cut the last record."""
    tracks = TracksSource(folder / RECORDS, allow_cut_end=True)
    write_posetrack18(tracks, folder / POSETRACK18)
    write_posetrack17(tracks, folder / POSETRACK17)


def _export_what_there_is(folder: Path) -> None:
    """The same after an error, which a second one does not hide."""
    try:
        _export(folder)
    except (OSError, ValueError) as second:
        logger.warning("%s: the exports could not be written either: %s", folder, second)


def expected_frames(info: VideoInfo, settings: ReaderSettings) -> int | None:
    """How many frames the progress bar counts to; None where the file does not say."""
    total = info.num_frames_from_header
    if total is None:
        return None
    last = total if settings.end_seconds is None else min(total, round(Fraction(settings.end_seconds) * info.fps))
    first = round(Fraction(settings.start_seconds or 0.0) * info.fps)
    return max(0, -(-(last - first) // settings.stride))


def header(info: VideoInfo, stages: Stages, settings: StageSettings) -> dict[str, object]:
    """The first line of the records."""
    return {
        "version": __version__,
        "source": info.source,
        "fps": float(info.fps),
        "width": info.width,
        "height": info.height,
        "skeleton": stages.skeleton.name,
        "joint_names": list(stages.skeleton.joint_names),
        "settings": settings.model_dump(mode="json"),
        "weights": stages.weights,
    }
