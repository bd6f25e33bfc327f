"""Tracking one part of a video."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from math import ceil, lcm
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.config.settings import StageSettings
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.parts.plan import Overlap
from pose_track.pipeline.result_writer import tracks_header
from pose_track.pipeline.track_video import FRAMES_PER_BATCH
from pose_track.structures.frames import TrackedPoses
from pose_track.utils.atomic import atomic_path
from pose_track.video.part_reader import PartReader, VideoPart

if TYPE_CHECKING:
    from pose_track.pipeline.stages import Stages

_WARM_UP_SECONDS = 1.0


def overlap_of(settings: StageSettings, fps: float) -> Overlap:
    """The overlap that a tracker needs: as long as its track buffer, after a second in which it finds who is there.

    fps: frames per second of the video.
    """
    tracker, every = settings.tracker, settings.detector.every
    seconds = max(tracker.buffer_seconds, tracker.reactivation_seconds) + _WARM_UP_SECONDS
    confirm_frames = (tracker.min_confirm_frames - 1) * every + 1 + ceil(tracker.lookback_seconds * fps)
    return Overlap(seconds, confirm_frames, lcm(FRAMES_PER_BATCH, every))


def track_part(
    video: Path, part: VideoPart, records: Path, stages: Stages, settings: StageSettings, name: str
) -> Iterator[TrackedPoses]:
    """Track the frames of a part and write their records, a `tracks.jsonl`, whole or not at all; yields each record.

    name: of the video in the records. Raises as `PartReader` does.
    """
    with PartReader(video, part) as reader, atomic_path(records) as unfinished:
        header = tracks_header(replace(reader.info, source=name), stages, settings)
        results = stages.track(reader, stages.make_tracker(reader.info.fps))
        with TracksWriter(unfinished, header) as writer, closing(results):  # type: ignore[type-var]
            for _, tracked in results:
                writer.write(tracked)
                yield tracked
