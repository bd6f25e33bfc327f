"""Numbered images as coded frames, for servers that send them one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

import av
import cv2
from make_video import numbered_image

_LOW_LATENCY = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "keyint=10:scenecut=0"}


def h264_frames(size: tuple[int, int] = (192, 128)) -> Iterator[bytes]:
    """Without end: `numbered_image(0)` to `numbered_image(255)` again and again, each as H.264 with start codes; every
    tenth is a keyframe with its parameter sets."""
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height = size
    codec.pix_fmt, codec.time_base, codec.options = "yuv420p", Fraction(1, 30), _LOW_LATENCY
    for number in itertools.count():
        frame = av.VideoFrame.from_ndarray(numbered_image(number % 256, *size), format="rgb24")
        frame.pts = number
        yield b"".join(bytes(packet) for packet in codec.encode(frame))


def jpeg_frames(size: tuple[int, int] = (192, 128)) -> Iterator[bytes]:
    """The same images, each as a JPEG file."""
    for number in itertools.count():
        image = cv2.cvtColor(numbered_image(number % 256, *size), cv2.COLOR_RGB2BGR)
        yield cv2.imencode(".jpg", image)[1].tobytes()


def nal_units(frame: bytes) -> list[bytes]:
    """The NAL units of an H.264 frame with start codes, see ITU-T H.264, annex B."""
    return [unit.rstrip(b"\0") for unit in frame.split(b"\0\0\1") if unit.rstrip(b"\0")]
