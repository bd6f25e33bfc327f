"""Opening a video file, a folder of images or a single image as a stream of frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from pose_track.video.image_reader import DEFAULT_FPS, IMAGE_SUFFIXES, ImageReader
from pose_track.video.source import DecodeError, OnDamage, Selection, VideoInfo, VideoReader

__all__ = ["DECODERS", "DecodeError", "VideoInfo", "VideoReader", "open_video"]

DECODERS = ("pyav", "decord")


def open_video(
    path: str | Path,
    decoder: str = "pyav",
    start_seconds: float | None = None,
    end_seconds: float | None = None,
    stride: int = 1,
    fps: float | Fraction | None = None,
    on_damage: OnDamage = "continue",
) -> VideoReader:
    """Open a video; use it in a `with` statement and iterate over it once.

    path: a video file, a folder of images in natural order of their names, or a single image.
    start_seconds, end_seconds, stride: read the frames with start_seconds <= time < end_seconds, and of those every
        stride-th.
    fps: frames per second of images, 25 by default, and of a raw stream (.h264, .h265), by default what the stream
        states; other video files have their own.
    on_damage: what follows damage in a video. With "continue" all frames that FFmpeg decodes, the damaged ones
        included, and DecodeError after the last; the reader's `faults` say where. With "stop", and always with decord,
        DecodeError after the last intact frame before it. A frame of another size is scaled to that of the first.

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
    if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageReader(path, selection, _image_fps(fps))
    return _open_file(path, decoder, selection, on_damage, None if fps is None else _image_fps(fps))


def _image_fps(fps: float | Fraction | None) -> Fraction:
    rate = DEFAULT_FPS if fps is None else Fraction(fps).limit_denominator(1001)
    if rate <= 0:
        raise ValueError(f"fps must be above 0, got {fps!r}")
    return rate


def _open_file(
    path: Path, decoder: str, selection: Selection, on_damage: OnDamage, fps: Fraction | None
) -> VideoReader:
    if decoder == "decord":
        if fps is not None:
            raise ValueError(f"{str(path)!r} has its own frame rate with decord; leave fps and reader.image_fps out")
        from pose_track.video.decord_reader import DecordReader  # decord is optional and slow to import

        return DecordReader(path, selection)
    from pose_track.video.pyav_reader import PyAvReader  # a folder of images needs no FFmpeg

    return PyAvReader(path, selection, on_damage, fps)
