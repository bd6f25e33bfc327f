"""Frames and streams as browsers and players can show them: yuv420p, BT.709, even sizes; H.264 by default."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream

from pose_track.structures.arrays import ImageArray

_TICKS_PER_SECOND = 90_000


def ticks_per_second(fps: Fraction) -> int:
    """The inverse of a time base: at least 90 kHz, and a frame at `fps` lasts a whole number of ticks.

    >>> ticks_per_second(Fraction(24000, 1001)), ticks_per_second(Fraction(25))
    (96000, 90000)
    """
    return fps.numerator * ceil(_TICKS_PER_SECOND / fps.numerator)


def add_h264_stream(
    container: OutputContainer, width: int, height: int, fps: Fraction, options: Mapping[str, str]
) -> VideoStream:
    """A stream for `yuv_frame` of images of this size; its time base is 1 / `ticks_per_second(fps)`.

    options: of libx264. The codec needs even sizes, so the last row or column of an odd one is repeated.
    """
    stream = container.add_stream("libx264", rate=fps, options=dict(options))
    stream.width, stream.height = width + width % 2, height + height % 2
    stream.pix_fmt = "yuv420p"
    set_bt709(stream, fps)
    return stream


def set_bt709(stream: VideoStream, fps: Fraction) -> None:
    """State the colours of `yuv_frame`, and the time base."""
    codec = stream.codec_context
    codec.time_base = Fraction(1, ticks_per_second(fps))
    codec.colorspace, codec.color_range = Colorspace.ITU709, ColorRange.MPEG
    codec.color_primaries, codec.color_trc = ColorPrimaries.BT709, ColorTrc.BT709


def yuv_frame(image: ImageArray, pixels: str = "yuv420p") -> av.VideoFrame:
    """A frame of even size, whose last row or column is repeated for it.

    image: (H, W, 3) uint8 RGB, or (H, W, 4) with its opacity. pixels: FFmpeg's name of the format.
    """
    if image.shape[0] % 2 or image.shape[1] % 2:
        image = np.pad(image, ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)), mode="edge")
    return _video_frame(image).reformat(
        format=pixels, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )


def _video_frame(image: ImageArray) -> av.VideoFrame:
    """The image as a frame. From BGR FFmpeg has a direct way to yuv420p, which takes half the time of that from RGB."""
    if image.shape[2] == 4:
        return av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="rgba")
    reversed_channels = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)
    return av.VideoFrame.from_numpy_buffer(reversed_channels, format="bgr24")
