"""One video's results on disk: records as they come, the annotated video, and the exported formats at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from pose_track import __version__
from pose_track.build import Stages
from pose_track.formats.posetrack import write_posetrack17, write_posetrack18
from pose_track.formats.tracks_jsonl import TracksWriter
from pose_track.pipeline import track_video
from pose_track.render import render
from pose_track.settings import Settings
from pose_track.types import Frame, TrackedPoses
from pose_track.video.reader import DecodeError, VideoInfo, VideoReader, open_video
from pose_track.video.writer import VideoWriter

NAMES = ("tracks.jsonl", "tracks.posetrack18.json", "tracks.posetrack17.json", "annotated.mp4")


@dataclass
class Summary:
    """What one video gave."""

    frames: int = 0
    people: int = 0
    track_ids: set[int] = field(default_factory=set)
    frames_per_second: float = 0.0

    def add(self, tracked: TrackedPoses) -> None:
        self.frames += 1
        self.people += len(tracked)
        self.track_ids.update(tracked.track_ids.tolist())


def check_folder(folder: Path, overwrite: bool) -> None:
    """Raises FileExistsError if the folder holds results that may not be overwritten."""
    there = [name for name in NAMES if (folder / name).exists()]
    if there and not overwrite:
        raise FileExistsError(f"{folder} already holds {', '.join(there)}; give --overwrite or another --out")


def track_file(video: Path, folder: Path, stages: Stages, settings: Settings, overwrite: bool = False) -> Summary:
    """Track one video into `folder`; see NAMES for what is there afterwards.

    A fault of the source, or an interrupt, ends the records with a line that names it; what was done is kept as valid
    files, and the error goes on to the caller. Nothing is written for a source that gives no frame at all.
    """
    check_folder(folder, overwrite)
    reader_settings = settings.reader
    with open_video(
        video,
        reader_settings.decoder,
        reader_settings.start_seconds,
        reader_settings.end_seconds,
        reader_settings.stride,
        reader_settings.image_fps if video.is_dir() else None,
    ) as reader:
        frames = iter(reader)
        first = next(frames)
        folder.mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            (folder / name).unlink(missing_ok=True)
        try:
            return _write(reader, chain([first], frames), folder, stages, settings)
        finally:
            write_posetrack18(folder / NAMES[0], folder / NAMES[1])
            write_posetrack17(folder / NAMES[0], folder / NAMES[2])


def _write(reader: VideoReader, frames: Iterator[Frame], folder: Path, stages: Stages, settings: Settings) -> Summary:
    info, summary = reader.info, Summary()
    rate = info.fps / settings.reader.stride
    tracker = stages.make_tracker(info.fps)
    with TracksWriter(folder / NAMES[0], header(info, stages, settings)) as records, contextlib.ExitStack() as stack:
        video = None
        if settings.output.render:
            video = stack.enter_context(VideoWriter(folder / NAMES[3], info.width, info.height, rate))
        bar = stack.enter_context(tqdm(total=expected_frames(info, settings), unit="frame", desc=Path(info.source).name))
        try:
            for frame, tracked in track_video(frames, stages.detect, stages.estimate, tracker):
                records.write(tracked)
                if video is not None:
                    video.write(render(frame.image, tracked, settings.output.min_joint_score), frame.pts_seconds)
                summary.add(tracked)
                bar.set_postfix(people=len(tracked), refresh=False)
                bar.update()
        except (DecodeError, KeyboardInterrupt) as error:
            records.fault(str(error) or "interrupted by the user")
            raise
        summary.frames_per_second = summary.frames / max(bar.format_dict["elapsed"], 1e-9)
    return summary


def expected_frames(info: VideoInfo, settings: Settings) -> int | None:
    """How many frames the progress bar counts to; None where the file does not say."""
    total = info.num_frames_from_header
    if total is None:
        return None
    start, end = settings.reader.start_seconds or 0.0, settings.reader.end_seconds
    last = total if end is None else min(total, round(Fraction(end) * info.fps))
    return max(0, -(-(last - round(Fraction(start) * info.fps)) // settings.reader.stride))


def header(info: VideoInfo, stages: Stages, settings: Settings) -> dict[str, object]:
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
