"""Opening a file, images, a camera, a stream or a pipe as a video: a stream of frames."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import cast

from pose_track.structures.arrays import ImageArray
from pose_track.video.declared_size import MAX_PIXELS, Size, check_size, declared_size
from pose_track.video.image_reader import DEFAULT_FPS, IMAGE_SUFFIXES, ImageReader, natural_key
from pose_track.video.image_stacks import stack_format
from pose_track.video.locations import Location, parse_source
from pose_track.video.memory_reader import MemoryReader
from pose_track.video.source import DecodeError, OnDamage, Selection, VideoInfo, VideoReader
from pose_track.video.stream_options import StreamOptions
from pose_track.video.webp import WebPReader

__all__ = ["DECODERS", "DecodeError", "VideoInfo", "VideoReader", "open_video"]

DECODERS = ("pyav", "decord")
_NUM_START_BYTES = 2**20

Source = int | str | os.PathLike[str] | Location | Iterable[str | Path] | Iterable[ImageArray]
"""What can be opened as a video, see `open_video`."""


def open_video(
    source: Source,
    decoder: str = "pyav",
    start_seconds: float | None = None,
    end_seconds: float | None = None,
    stride: int = 1,
    fps: float | Fraction | None = None,
    on_damage: OnDamage = "continue",
    max_pixels: int = MAX_PIXELS,
    stream: StreamOptions | None = None,
) -> VideoReader:
    """Open a video; use it in a `with` statement and iterate over it once.

    source: a video file, a folder of images in natural order of their names, a single image, or a file with several
        (animated PNG, WebP or GIF with their times, a TIFF of several pages); a camera, stream, pipe, screen or pattern
        of images, see `parse_source`; a list of image files; images in memory, see `MemoryReader`.
    start_seconds, end_seconds, stride: read the frames with start_seconds <= time < end_seconds, and of those every
        stride-th.
    fps: frames per second of images, 25 by default, and of a raw stream (.h264, .h265), by default what the stream
        states; other video files have their own.
    on_damage: what follows damage in a video. With "continue" all frames that FFmpeg decodes, the damaged ones
        included, and DecodeError after the last; the reader's `faults` say where. With "stop", and always with decord,
        DecodeError after the last intact frame before it. A frame of another size is scaled to that of the first. Of
        a folder of images, those that cannot be used are left out or end it; the others keep their index and time.
        A live source goes on always.
    max_pixels: of a frame; a file that declares more is refused before memory is taken for it.
    stream: how a camera, stream or pipe is opened.

    Video of high dynamic range (PQ or HLG) is mapped to the standard range, see `to_standard_range`.
    Frames are upright: rotation and mirroring in the file's metadata are applied. A frame's index counts all frames of
    the video from 0. Its time is in seconds since the first frame of the video, exactly as in the container. Times
    strictly increase: where a timestamp is missing, repeated or decreasing, the last time plus the average frame
    duration replaces it. Where pixels are not square, frames are scaled in width to what is displayed. Of live sources
    see `StreamReader`.

    Raises FileNotFoundError; ValueError for a file without video or without frames, a folder without images, an
    unknown decoder or an invalid selection; ImportError where the decoder is not installed; DecodeError, here or after
    the last frame, for damaged or cut data; TimeoutError and ConnectionError for a camera or stream that cannot be
    opened. Damage within a frame that FFmpeg conceals without reporting it remains unnoticed.
    """
    if decoder not in DECODERS:
        raise ValueError(f"unknown decoder {decoder!r}; choose one of {', '.join(DECODERS)}")
    selection = Selection(start_seconds, end_seconds, stride)
    source = Path(source) if isinstance(source, os.PathLike) else source
    if not isinstance(source, int | str | Path | Location):
        return _open_images(source, selection, _image_fps(fps), on_damage, max_pixels)
    location, options = source if isinstance(source, Location) else parse_source(source), stream or StreamOptions()
    if location.kind == "images":
        return ImageReader(_matches(location), selection, _image_fps(fps), on_damage, max_pixels, location.text)
    if location.kind != "file":
        _check_live(location, decoder, fps, options)
        return _open_stream(location, selection, options, on_damage, max_pixels)
    path = Path(location.address)
    if not path.exists():
        raise FileNotFoundError(f"{str(path)!r} does not exist; check the path")
    if options.raw_format is not None:
        return _open_raw(path, selection, options, on_damage, max_pixels)
    return _open_path(path, decoder, selection, fps, on_damage, max_pixels)


def _open_images(
    images: Iterable[str | Path] | Iterable[ImageArray],
    selection: Selection,
    fps: Fraction,
    on_damage: OnDamage,
    max_pixels: int,
) -> VideoReader:
    """Images in memory, or the files of a list or tuple of paths."""
    if isinstance(images, list | tuple) and images and all(isinstance(image, str | Path) for image in images):
        paths = [Path(image) for image in images]
        return ImageReader(paths, selection, fps, on_damage, max_pixels, f"{len(paths)} images")
    return MemoryReader(cast(Iterable[ImageArray], images), selection, fps, max_pixels)


def _matches(location: Location) -> list[Path]:
    """The images that a pattern matches, in natural order. Raises ValueError where there are none."""
    paths = [Path(name) for name in glob.glob(location.address, recursive=True)]
    images = [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]
    if not images:
        raise ValueError(
            f"{location.text!r} does not exist, and as a pattern matches no images; check it, or give videos one by one"
        )
    return sorted(images, key=lambda path: natural_key(str(path)))


def _check_live(location: Location, decoder: str, fps: float | Fraction | None, options: StreamOptions) -> None:
    """Raises ValueError for options without effect on a location that is no file."""
    if decoder != "pyav":
        raise ValueError(f"decoder {decoder!r} reads files only; leave it out for {location.text!r}")
    if fps is not None:
        raise ValueError(f"{location.text!r} has its own frame rate; leave fps and reader.image_fps out")
    if options.raw is not None and location.kind != "pipe":
        raise ValueError(f"raw is the format of frames in a pipe; leave it out for {location.text!r}")


def _open_stream(
    location: Location, selection: Selection, options: StreamOptions, on_damage: OnDamage, max_pixels: int
) -> VideoReader:
    from pose_track.video.local_files import open_standard_input  # images need no FFmpeg
    from pose_track.video.packets import explained_errors
    from pose_track.video.pyav_reader import PyAvReader
    from pose_track.video.stream_reader import open_stream

    if location.kind != "pipe":
        return open_stream(location, selection, options, on_damage, max_pixels)
    with explained_errors(location.text):
        container = open_standard_input(options)
    return PyAvReader(location.text, selection, on_damage, None, max_pixels, container)


def _open_raw(
    path: Path, selection: Selection, options: StreamOptions, on_damage: OnDamage, max_pixels: int
) -> VideoReader:
    from pose_track.video.local_files import open_raw
    from pose_track.video.packets import explained_errors
    from pose_track.video.pyav_reader import PyAvReader

    with explained_errors(path):
        container = open_raw(path, options)
    return PyAvReader(str(path), selection, on_damage, None, max_pixels, container)


def _open_path(
    path: Path,
    decoder: str,
    selection: Selection,
    fps: float | Fraction | None,
    on_damage: OnDamage,
    max_pixels: int,
) -> VideoReader:
    """A file, a folder of images or a named pipe."""
    several = stack_format(path)
    if several == "webp":
        if fps is not None:
            raise ValueError(f"{str(path)!r} has its own frame times; leave fps and reader.image_fps out")
        return WebPReader(path, selection, on_damage, max_pixels)
    is_image = path.suffix.lower() in IMAGE_SUFFIXES and several is None
    if path.is_dir() or is_image or several == "tiff":
        return ImageReader(path, selection, _image_fps(fps), on_damage, max_pixels)
    return _open_file(path, decoder, selection, on_damage, None if fps is None else _image_fps(fps), max_pixels)


def _image_fps(fps: float | Fraction | None) -> Fraction:
    rate = DEFAULT_FPS if fps is None else Fraction(fps).limit_denominator(1001)
    if rate <= 0:
        raise ValueError(f"fps must be above 0, got {fps!r}")
    return rate


def _open_file(
    path: Path, decoder: str, selection: Selection, on_damage: OnDamage, fps: Fraction | None, max_pixels: int
) -> VideoReader:
    check_size(path, _start_size(path), max_pixels)
    if decoder == "decord":
        if fps is not None:
            raise ValueError(f"{str(path)!r} has its own frame rate with decord; leave fps and reader.image_fps out")
        from pose_track.video.decord_reader import DecordReader  # decord is optional and slow to import

        return DecordReader(path, selection, max_pixels)
    from pose_track.video.pyav_reader import PyAvReader  # a folder of images needs no FFmpeg

    return PyAvReader(path, selection, on_damage, fps, max_pixels)


def _start_size(path: Path) -> Size | None:
    """The size that an image file declares, which FFmpeg reads as a video of one frame or an animation."""
    if not path.is_file():  # reading would take from a pipe
        return None
    with path.open("rb") as file:
        return declared_size(file.read(_NUM_START_BYTES))
