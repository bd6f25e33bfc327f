"""Drawing a result again: its frames with their people, into a video or a folder of images."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import numpy as np

from pose_track.config.settings import RenderSettings, Settings
from pose_track.config.sources import SourceSettings
from pose_track.drawing.painter import Painter
from pose_track.drawing.style import Style
from pose_track.pipeline.style import encoding_of, style_of
from pose_track.structures.frames import Frame, TrackedPoses
from pose_track.utils.prefetch import Prefetcher
from pose_track.video.reader import open_video
from pose_track.video.source import VideoReader
from pose_track.video.writers import open_frame_writer

logger = logging.getLogger(__name__)

_AHEAD = 4  # frames that are decoded before they are drawn


def render_file(
    records: Iterable[TrackedPoses],
    reader: VideoReader,
    out: Path,
    settings: RenderSettings | Settings,
    stride: int = 1,
) -> int:
    """Draw the frames that have a record, and return their number. The same records and style give the frames of
    `track`.

    reader: the video, from its start or as it was tracked. out: see `open_frame_writer`. stride: that of the records.

    Raises ValueError where no record belongs to a frame of the video; and as `VideoWriter`. A damaged video is drawn to
    its end, and its DamageError is raised.
    """
    style, info = style_of(settings), reader.info
    encoding = encoding_of(settings.output, info.source, style.background == "transparent")
    painter, num_frames = Painter(style), 0
    with ExitStack() as stack:
        prefetcher = stack.enter_context(Prefetcher())
        frames = prefetcher.prefetch(frames_with_people(records, reader), _AHEAD)
        writer = stack.enter_context(open_frame_writer(out, info.width, info.height, info.fps / stride, encoding))
        for frame, people in frames:
            writer.write(painter.draw(frame.image, people), frame.pts_seconds)
            num_frames += 1
    return num_frames


def render_without_video(
    records: Iterable[TrackedPoses], size: tuple[int, int], fps: Fraction, out: Path, settings: RenderSettings
) -> int:
    """`render_file` on a background that needs no video. size: width and height of the frames."""
    style = style_of(settings)
    encoding = encoding_of(settings.output, "", style.background == "transparent")
    painter, num_frames = Painter(style), 0
    nothing = np.zeros((size[1], size[0], 3), np.uint8)
    with open_frame_writer(out, *size, fps, encoding) as writer:
        for people in records:
            writer.write(painter.draw(nothing, people), people.pts_seconds)
            num_frames += 1
    return num_frames


def needs_video(style: Style) -> bool:
    """Whether anything of the video is seen."""
    return style.background in ("video", "dimmed")


def open_result_video(
    video: Path, settings: SourceSettings, size: tuple[int | None, int | None], fps: float
) -> VideoReader:
    """The video of a result. size, fps: width, height and frame rate that the result states; a folder of images has
    no rate of its own. Raises ValueError for a video of another size, and as `open_video`."""
    rate = fps if settings.image_fps is None and video.is_dir() else settings.image_fps
    reader = open_video(video, settings.decoder, fps=rate, max_pixels=settings.max_pixels)
    found = (reader.info.width, reader.info.height)
    if None not in size and found != size:
        reader.close()
        raise ValueError(
            f"the result is of a video of {size[0]}x{size[1]}, {str(video)!r} has {found[0]}x{found[1]}; give the "
            "video that was tracked"
        )
    return reader


def frames_with_people(records: Iterable[TrackedPoses], reader: VideoReader) -> Iterator[tuple[Frame, TrackedPoses]]:
    """The frames of a video that have a record, with it. Other frames are not converted.

    Raises ValueError, at the end, where there is none; logs a warning of records beyond the video's end.
    """
    people = iter(records)
    current = next(people, None)
    num_frames = 0
    for lazy in reader.lazy_frames():
        while current is not None and current.frame_index < lazy.index:
            current = next(people, None)  # of a damaged image
        if current is None:
            break
        if current.frame_index == lazy.index and (frame := lazy.read()) is not None:
            num_frames += 1
            yield frame, current
    if num_frames == 0:
        raise ValueError(f"the result has no frame of {reader.info.source}; give the video that was tracked")
    num_beyond = 0 if current is None else sum(1 for _ in people) + (current.frame_index > lazy.index)
    if num_beyond:
        logger.warning("%s ends before the last %d frames of the result", reader.info.source, num_beyond)
