"""Opening what takes the frames of a video: a video file, or a folder of images."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from pose_track.video.constant_rate import ConstantRate, FrameWriter
from pose_track.video.encoding import Encoding
from pose_track.video.image_writer import ImageWriter
from pose_track.video.writer import VideoWriter


def open_frame_writer(path: Path, width: int, height: int, fps: Fraction, encoding: Encoding) -> FrameWriter:
    """A context manager that writes frames: PNG images into a path without a suffix, else a video.

    width, height: pixels of the images. fps: average frames per second, unless the encoding has a constant rate.
    Raises as `VideoWriter`.
    """
    rate = fps if encoding.fps is None else encoding.fps
    writer = VideoWriter(path, width, height, rate, encoding) if path.suffix else ImageWriter(path, encoding)
    return writer if encoding.fps is None else ConstantRate(writer, rate)
