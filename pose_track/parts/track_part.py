"""Tracking one part of a video."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, lcm
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.config.settings import StageSettings
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.parts.plan import Overlap, Split, split_video
from pose_track.pipeline.result_writer import tracks_header
from pose_track.pipeline.track_video import FRAMES_PER_BATCH
from pose_track.utils.atomic import atomic_path
from pose_track.video.part_reader import PartReader, VideoTimes, video_part

if TYPE_CHECKING:
    from pose_track.pipeline.stages import Stages


def overlap_of(settings: StageSettings, fps: float) -> Overlap:
    """The overlap with which nothing is lost at a seam: as long as the track buffer, and a second more in which the
    later tracker finds the people there are."""
    tracker = settings.tracker
    every = settings.detector.every
    seconds = max(tracker.buffer_seconds, tracker.reactivation_seconds) + 1
    confirm_frames = (tracker.min_confirm_frames - 1) * every + 1 + ceil(tracker.lookback_seconds * fps)
    return Overlap(seconds, confirm_frames, lcm(FRAMES_PER_BATCH, every))


def plan_parts(times: VideoTimes, num_parts: int, settings: StageSettings) -> list[Split]:
    """The parts of a video. Raises ValueError as `split_video` does."""
    return split_video(times.seconds, num_parts, overlap_of(settings, float(times.fps)))


def track_part(
    video: Path,
    times: VideoTimes,
    split: Split,
    records: Path,
    stages: Stages,
    settings: StageSettings,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Track the frames of a part and write their records, a `tracks.jsonl`, whole or not at all.

    check: see `track_video`. Raises as `PartReader` does.
    """
    part = video_part(times, split.start, split.stop)
    with PartReader(video, part) as reader, atomic_path(records) as unfinished:
        header = tracks_header(reader.info, stages, settings)
        with TracksWriter(unfinished, header) as writer:
            for _, tracked in stages.track(reader, stages.make_tracker(reader.info.fps), check):
                writer.write(tracked)
