"""Opening whatever holds the frames: a video file, a folder of pictures or one picture."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from pose_track.video.image_reader import DEFAULT_FPS, IMAGE_SUFFIXES, ImageReader
from pose_track.video.source import DecodeError, Selection, VideoInfo, VideoReader

__all__ = ["DECODERS", "DecodeError", "VideoInfo", "VideoReader", "open_video"]

DECODERS = ("pyav", "decord")


def open_video(
    path: str | Path,
    decoder: str = "pyav",
    start_seconds: float | None = None,
    end_seconds: float | None = None,
    stride: int = 1,
    fps: float | Fraction | None = None,
) -> VideoReader:
    """Open a source of frames; use it in a `with` statement and iterate over it once.

    path: a video file, a folder of pictures in natural order of their names, or one picture. Frames with
    start_seconds <= time < end_seconds are given, and of those every stride-th. fps: the rate of pictures, 25 where
    not given; a video has its own.

    A frame is shown upright: rotation and mirroring in the file's metadata are applied once. Its index counts all
    frames of the source from 0, its time is seconds since the first frame of the source, exactly as in the
    container. Times strictly increase: where the container repeats one, gives none or goes back, the last time plus
    the average frame duration stands in its place. Pixels are taken as square.

    Raises FileNotFoundError; ValueError for a file without video or without frames, a folder without pictures, an
    unknown decoder, a bad selection; ImportError for a decoder not installed; DecodeError, here or after the last
    sound frame, for damaged or cut data. Damage that FFmpeg conceals within a picture without saying so is not seen.
    """
    if decoder not in DECODERS:
        raise ValueError(f"unknown decoder {decoder!r}; choose one of {', '.join(DECODERS)}")
    path, selection = Path(path), Selection(start_seconds, end_seconds, stride)
    if not path.exists():
        raise FileNotFoundError(f"{str(path)!r} does not exist; check the path")
    if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageReader(path, selection, _picture_rate(fps))
    if fps is not None:
        raise ValueError(f"{str(path)!r} is a video and has its own frame rate; fps={fps!r} is for pictures only")
    return _open_file(path, decoder, selection)


def _picture_rate(fps: float | Fraction | None) -> Fraction:
    rate = DEFAULT_FPS if fps is None else Fraction(fps).limit_denominator(1001)
    if rate <= 0:
        raise ValueError(f"fps must be above 0, got {fps!r}")
    return rate


def _open_file(path: Path, decoder: str, selection: Selection) -> VideoReader:
    if decoder == "decord":
        from pose_track.video.decord_reader import DecordReader  # decord is optional and slow to import

        return DecordReader(path, selection)
    from pose_track.video.pyav_reader import PyAvReader  # a folder of pictures needs no FFmpeg

    return PyAvReader(path, selection)
