"""Writing the results of one video as they come: records, the annotated video, and the exports at the end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from pose_track.config.settings import Settings, StageSettings
from pose_track.config.sources import ReaderSettings
from pose_track.drawing.painter import Painter
from pose_track.formats.posetrack.reader import write_posetrack17, write_posetrack18
from pose_track.formats.rounding import as_recorded
from pose_track.formats.speed_factor import SPEED_KEY
from pose_track.formats.tracks_jsonl import is_complete
from pose_track.formats.tracks_source import TracksSource
from pose_track.formats.tracks_writer import RecordsEnd, TracksWriter
from pose_track.pipeline.errors import DamageRecords, explain_write_errors, mute_incomplete_file_warnings, record_fault
from pose_track.pipeline.result_folder import ANNOTATED_FILE, POSETRACK17_FILE, POSETRACK18_FILE, TRACKS_FILE, clear
from pose_track.pipeline.run_state import STATE_FILE
from pose_track.pipeline.style import encoding_of, style_of
from pose_track.structures.conversion import is_convertible
from pose_track.structures.frames import Frame, TrackedPoses
from pose_track.structures.skeleton import POSETRACK18_17, POSETRACK_15
from pose_track.structures.skeleton_record import header_fields
from pose_track.utils.names import printable
from pose_track.utils.profiler import Profiler
from pose_track.utils.version import __version__
from pose_track.video.constant_rate import FrameWriter
from pose_track.video.reader import VideoInfo
from pose_track.video.source import Fault
from pose_track.video.writer import MAX_SIDE
from pose_track.video.writers import open_frame_writer

if TYPE_CHECKING:
    from pose_track.pipeline.stages import Stages

logger = logging.getLogger(__name__)

# tqdm's own formats, but always with frames per second, never seconds per frame
_BAR_FORMAT = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]"
_BAR_FORMAT_WITHOUT_TOTAL = "{desc}: {n_fmt} frames [{elapsed}, {rate_noinv_fmt}{postfix}]"


class ResultWriter:
    """Writes the results of one video, frame by frame. records: the file of the track records."""

    def __init__(
        self,
        records: TracksWriter,
        damage: DamageRecords,
        video: FrameWriter | None,
        bar: tqdm[None],
        painter: Painter,
        profile: Profiler,
    ) -> None:
        self.records = records
        self._damage, self._bar = damage, bar
        self._record, self._draw = profile.timed("write records", records.write), profile.timed("render", painter.draw)
        self._encode = None if video is None else profile.timed("encode", video.write)

    def write(self, frame: Frame, tracked: TrackedPoses, is_recorded: bool = False) -> None:
        """Write a frame. is_recorded: its record is there already, of another run, and only the video is written."""
        if is_recorded:
            self._damage.pass_over(frame.index)
        else:
            self._damage.write(frame.index)
            self._record(tracked)
        if self._encode is not None:
            self._encode(self._draw(frame.image, as_recorded(tracked)), frame.pts_seconds)
        self._bar.set_postfix(people=len(tracked), refresh=False)
        self._bar.update()


@contextmanager
def open_results(
    folder: Path,
    header: Mapping[str, Any],
    info: VideoInfo,
    faults: Sequence[Fault],
    settings: Settings,
    profile: Profiler,
    end: RecordsEnd | None = None,
    last_step: Callable[[], None] | None = None,
) -> Iterator[ResultWriter]:
    """A context in which results are written into a folder, in place of older ones, with a progress bar.

    At its end the exports are written. An error within it ends the records with a fault record that names it; all files
    then are valid up to there.

    faults: of the video, as they are met. end: go on with the records in the folder, see `TracksWriter`.
    last_step: called once every frame has its record, before the exports; it then draws the annotated video. Not called
        after an error that ends the records.
    """
    with explain_write_errors(folder), mute_incomplete_file_warnings():
        clear(folder, keep_records=end is not None)
        try:
            with ExitStack() as stack:
                records = stack.enter_context(TracksWriter(folder / TRACKS_FILE, header, end))
                damage = DamageRecords(records, faults)
                stack.enter_context(record_fault(records, damage))
                video = None
                if last_step is None and renders(info, settings):
                    video = stack.enter_context(_open_annotated(folder, info, settings))
                bar = stack.enter_context(progress_bar(info, settings.reader))
                yield ResultWriter(records, damage, video, bar, Painter(style_of(settings)), profile)
        except BaseException:
            _export_after_error(folder, last_step)
            raise
        _export(folder, last_step)


def _open_annotated(folder: Path, info: VideoInfo, settings: Settings) -> FrameWriter:
    encoding = encoding_of(settings.output, info.source)
    fps = info.fps / settings.reader.stride
    return open_frame_writer(folder / ANNOTATED_FILE, info.width, info.height, fps, encoding)


def renders(info: VideoInfo, settings: Settings) -> bool:
    """Whether there is an annotated video; frames that its encoder does not take have none, with a warning."""
    if settings.output.render and max(info.width, info.height) > MAX_SIDE:
        size = f"{info.width}x{info.height}"
        logger.warning("%s: no annotated video of %s, whose sides have at most %d pixels", info.source, size, MAX_SIDE)
        return False
    return settings.output.render


def progress_bar(info: VideoInfo, settings: ReaderSettings) -> tqdm[None]:
    """A bar on stderr that counts the frames of a video."""
    total = expected_frames(info, settings)
    bar_format = _BAR_FORMAT_WITHOUT_TOTAL if total is None else _BAR_FORMAT
    return tqdm(total=total, desc=Path(info.source).name, unit=" frames", bar_format=bar_format)


def _export(folder: Path, last_step: Callable[[], None] | None) -> None:
    """Write the track records in the other formats that can hold their joints. A full disk may have cut off the last
    record. The state of a run whose records are complete is not needed any more, once the last step is done."""
    if last_step is not None and is_complete(folder / TRACKS_FILE):
        last_step()
    tracks = TracksSource(folder / TRACKS_FILE, allow_cut_end=True)
    if all(is_convertible(tracks.skeleton, target) for target in (POSETRACK18_17, POSETRACK_15)):
        write_posetrack18(tracks, folder / POSETRACK18_FILE)
        write_posetrack17(tracks, folder / POSETRACK17_FILE)
    else:
        logger.warning("%s: no PoseTrack files, which cannot hold the joints of %s", folder, tracks.skeleton)
    if is_complete(folder / TRACKS_FILE):
        (folder / STATE_FILE).unlink(missing_ok=True)


def _export_after_error(folder: Path, last_step: Callable[[], None] | None) -> None:
    """Export the records up to an error. An error of the export is only logged, so that it does not hide the first."""
    try:
        _export(folder, last_step)
    except (OSError, ValueError) as second:
        logger.warning("%s: the exports could not be written either: %s", folder, second)


def expected_frames(info: VideoInfo, settings: ReaderSettings) -> int | None:
    """Number of frames to track, for the progress bar; None where the file does not state its length."""
    total = info.num_frames_from_header
    if total is None:
        return settings.max_frames
    last = total if settings.end_seconds is None else min(total, round(Fraction(settings.end_seconds) * info.fps))
    first = round(Fraction(settings.start_seconds or 0.0) * info.fps)
    selected = max(0, -(-(last - first) // settings.stride))
    return selected if settings.max_frames is None else min(selected, settings.max_frames)


def tracks_header(info: VideoInfo, stages: Stages, settings: StageSettings) -> dict[str, object]:
    """The header of the track records."""
    speed_factor = settings.tracker.speed_factor
    return {
        "version": __version__,
        "source": printable(info.source),
        "fps": float(info.fps),
        **({} if speed_factor is None else {SPEED_KEY: speed_factor}),
        "width": info.width,
        "height": info.height,
        **header_fields(stages.skeleton),
        "settings": settings.model_dump(mode="json"),
        "weights": stages.weights,
    }
