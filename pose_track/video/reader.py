"""Opening a video file, a folder of images or a single image as a stream of frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from pose_track.video.declared_size import MAX_PIXELS, Size, check_size, declared_size
from pose_track.video.image_reader import DEFAULT_FPS, IMAGE_SUFFIXES, ImageReader
from pose_track.video.image_stacks import stack_format
from pose_track.video.source import DecodeError, OnDamage, Selection, VideoInfo, VideoReader
from pose_track.video.webp import WebPReader

__all__ = ["DECODERS", "DecodeError", "VideoInfo", "VideoReader", "open_video"]

DECODERS = ("pyav", "decord")
_NUM_START_BYTES = 2**20


def open_video(
    path: str | Path,
    decoder: str = "pyav",
    start_seconds: float | None = None,
    end_seconds: float | None = None,
    stride: int = 1,
    fps: float | Fraction | None = None,
    on_damage: OnDamage = "continue",
    max_pixels: int = MAX_PIXELS,
) -> VideoReader:
    """Open a video; use it in a `with` statement and iterate over it once.

    path: a video file, a folder of images in natural order of their names, a single image, or a file with several
        (animated PNG, WebP or GIF with their times, a TIFF of several pages).
    start_seconds, end_seconds, stride: read the frames with start_seconds <= time < end_seconds, and of those every
        stride-th.
    fps: frames per second of images, 25 by default, and of a raw stream (.h264, .h265), by default what the stream
        states; other video files have their own.
    on_damage: what follows damage in a video. With "continue" all frames that FFmpeg decodes, the damaged ones
        included, and DecodeError after the last; the reader's `faults` say where. With "stop", and always with decord,
        DecodeError after the last intact frame before it. A frame of another size is scaled to that of the first. Of
        a folder of images, those that cannot be used are left out or end it; the others keep their index and time.
    max_pixels: of a frame; a file that declares more is refused before memory is taken for it.

    Video of high dynamic range (PQ or HLG) is mapped to the standard range, see `to_standard_range`.
    Frames are upright: rotation and mirroring in the file's metadata are applied. A frame's index counts all frames of
    the video from 0. Its time is in seconds since the first frame of the video, exactly as in the container. Times
    strictly increase: where a timestamp is missing, repeated or decreasing, the last time plus the average frame
    duration replaces it. Where pixels are not square, frames are scaled in width to what is displayed.

    Raises FileNotFoundError; ValueError for a file without video or without frames, a folder without images, an
    unknown decoder or an invalid selection; ImportError where the decoder is not installed; DecodeError, here or after
    the last frame, for damaged or cut data. Damage within a frame that FFmpeg conceals without reporting it
    remains unnoticed.
    """
    if decoder not in DECODERS:
        raise ValueError(f"unknown decoder {decoder!r}; choose one of {', '.join(DECODERS)}")
    path, selection = Path(path), Selection(start_seconds, end_seconds, stride)
    if not path.exists():
        raise FileNotFoundError(f"{str(path)!r} does not exist; check the path")
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
