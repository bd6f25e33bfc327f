"""A video of each person of a result, who stays in its middle."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from pose_track.config.settings import RenderSettings
from pose_track.drawing.crops import CropWindows, crop_windows
from pose_track.drawing.painter import Painter
from pose_track.pipeline.render_file import frames_with_people
from pose_track.pipeline.style import encoding_of, style_of
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import TrackedPoses
from pose_track.utils.prefetch import Prefetcher
from pose_track.video.constant_rate import FrameWriter
from pose_track.video.encoding import Encoding
from pose_track.video.source import VideoInfo, VideoReader
from pose_track.video.writers import open_frame_writer

_AHEAD = 4
_MAX_NAME = 60


def render_crops(
    records: Iterable[TrackedPoses], reader: VideoReader, folder: Path, settings: RenderSettings
) -> list[Path]:
    """Write FOLDER/person_<id>.mp4 for each person, or person_<id>_<name>.mp4, and return their paths; .mov files where
    they are transparent or ProRes.

    records: iterated twice. Only the people that the style draws have a video. Raises as `render_file`.
    """
    style, info = style_of(settings), reader.info
    suffix = ".mov" if style.background == "transparent" or settings.output.codec == "prores" else ".mp4"
    windows = crop_windows(records, float(info.fps))
    chosen = {i: w for i, w in windows.items() if not style.only_ids or i in style.only_ids}
    folder.mkdir(parents=True, exist_ok=True)
    paths = {i: folder / f"person_{i}{_as_suffix(style.names.get(i, ''))}{suffix}" for i in chosen}
    painter, encoding = Painter(style), encoding_of(settings.output, info.source, style.background == "transparent")
    with ExitStack() as stack:
        people_videos = {i: stack.enter_context(_CropVideo(paths[i], chosen[i], info, encoding)) for i in chosen}
        prefetcher = stack.enter_context(Prefetcher())
        for frame, people in prefetcher.prefetch(frames_with_people(records, reader), _AHEAD):
            drawn = painter.draw(frame.image, people)
            for video in people_videos.values():
                video.write(drawn, frame.index, frame.pts_seconds)
    return list(paths.values())


def _as_suffix(name: str) -> str:
    """A person's name as a part of a file name.

    >>> _as_suffix("Ann / Lee"), _as_suffix("")
    ('_Ann_Lee', '')
    """
    cleaned = re.sub(r"[^\w-]+", "_", name).strip("_")[:_MAX_NAME]
    return f"_{cleaned}" if cleaned else ""


class _CropVideo:
    """The video of one person, which is open from the first of the frames to the last only; a context manager."""

    def __init__(self, path: Path, windows: CropWindows, info: VideoInfo, encoding: Encoding) -> None:
        self._path, self._windows, self._info, self._encoding = path, windows, info, encoding
        self._writer: FrameWriter | None = None

    def write(self, image: ImageArray, frame_index: int, pts_seconds: float) -> None:
        """Write the window of a frame, where there is one."""
        window = self._windows.crop(image, frame_index)
        if window is None:
            return
        if self._writer is None:
            size = self._windows.width, self._windows.height
            self._writer = open_frame_writer(self._path, *size, self._info.fps, self._encoding).__enter__()
        self._writer.write(window, pts_seconds)
        if frame_index == self._windows.frame_indices[-1]:
            self.__exit__(None, None, None)

    def __enter__(self) -> _CropVideo:
        return self

    def __exit__(self, *error: object) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.__exit__(*error)  # type: ignore[arg-type]
