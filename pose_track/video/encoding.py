"""How a video is encoded: codecs and containers, quality, size and rate."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal, cast

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from pose_track.structures.arrays import ImageArray
from pose_track.video.h264 import set_bt709, yuv_frame

Codec = Literal["auto", "h264", "hevc", "vp9", "av1", "prores"]


@dataclass(frozen=True)
class Encoder:
    """An encoder of FFmpeg.

    pixels, alpha_pixels: formats without and with opacity; "" for none.
    options: of the encoder. crf: the default of the constant rate factor, None where it has none; max_crf: the largest.
    alpha_suffix: of the files that players show with opacity. alpha_options: in place of `options` with opacity.
    """

    name: str
    pixels: str
    alpha_pixels: str = ""
    alpha_suffix: str = ""
    crf: int | None = None
    max_crf: int = 63
    options: dict[str, str] = field(default_factory=dict)
    alpha_options: dict[str, str] | None = None
    tag: str = ""


os.environ.setdefault("SVT_LOG", "1")  # errors only: the AV1 encoder prints its settings on stderr

_H264 = {"preset": "superfast", "threads": "4"}  # as many on any machine: the bytes depend on it
_VP9 = {"b:v": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"}
ENCODERS = {
    "h264": Encoder("libx264", "yuv420p", crf=20, max_crf=51, options=_H264),
    "hevc": Encoder(
        *("libx265", "yuv420p"),
        crf=24,
        max_crf=51,
        options={"preset": "superfast", "x265-params": "log-level=error"},
        tag="hvc1",  # what Apple's players ask for
    ),
    "vp9": Encoder("libvpx-vp9", "yuv420p", "yuva420p", ".webm", crf=30, options={**_VP9, "lag-in-frames": "0"}),
    "av1": Encoder("libsvtav1", "yuv420p", crf=32, options={"preset": "8"}),
    "prores": Encoder(
        *("prores_ks", "yuv422p10le", "yuva444p10le", ".mov"), options={"profile": "3"}, alpha_options={"profile": "4"}
    ),
}
# the formats of FFmpeg by suffix, and the codecs that they hold, the default first
CONTAINERS: dict[str, tuple[str, tuple[str, ...]]] = {
    ".mp4": ("mp4", ("h264", "hevc", "av1", "vp9")),
    ".m4v": ("mp4", ("h264", "hevc", "av1", "vp9")),
    ".mov": ("mov", ("h264", "hevc", "prores")),
    ".webm": ("webm", ("vp9", "av1")),
}


@dataclass(frozen=True)
class Encoding:
    """How a video is encoded.

    codec: auto is H.264, VP9 in a .webm, and ProRes 4444 in a transparent .mov.
    crf: constant rate factor, lower is better and larger; None for the default of the codec.
    long_side: pixels to which the longer side is scaled; None for the size of the images.
    fps: constant frames per second; None for the times of the source.
    alpha: whether images have a fourth channel, their opacity.
    audio: a file whose sound is kept; None for none.

    Raises ValueError for a crf of a codec that has none, or out of its range.
    """

    codec: Codec = "auto"
    crf: int | None = None
    long_side: int | None = None
    fps: Fraction | None = None
    alpha: bool = False
    audio: Path | None = None

    def encoder(self, suffix: str) -> Encoder:
        """The encoder for a file with a suffix. Raises ValueError for a suffix that is not known, or does not hold the
        codec or opacity, and for a crf that the codec does not have."""
        if suffix.lower() not in CONTAINERS:
            raise ValueError(f"the suffix {suffix!r} is not known; use one of {', '.join(CONTAINERS)}")
        codecs = CONTAINERS[suffix.lower()][1]
        if self.alpha:
            codecs = tuple(codec for codec in codecs if ENCODERS[codec].alpha_suffix == suffix.lower())
            if not codecs:
                raise ValueError(f"{suffix} has no transparency; use .mov, .webm, or a folder of PNG images")
        name = codecs[0] if self.codec == "auto" else self.codec
        if name not in codecs:
            what = " with transparency" if self.alpha else ""
            raise ValueError(f"{suffix} does not hold {name}{what}; use one of {', '.join(codecs)}")
        encoder = ENCODERS[name]
        if self.crf is not None and encoder.crf is None:
            raise ValueError(f"{name} has no crf; leave it out")
        if self.crf is not None and not 0 <= self.crf <= encoder.max_crf:
            raise ValueError(f"the crf of {name} must be from 0 to {encoder.max_crf}, got {self.crf}")
        return encoder

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the encoded images.

        >>> Encoding(long_side=640).size(1280, 719)
        (640, 360)
        """
        if self.long_side is None:
            return width, height
        scale = self.long_side / max(width, height)
        return max(1, round(width * scale)), max(1, round(height * scale))


def add_stream(
    container: OutputContainer, encoder: Encoder, encoding: Encoding, size: tuple[int, int], fps: Fraction
) -> VideoStream:
    """A stream for `encoded_frame`. size: of the images; odd ones are padded to even."""
    options = encoder.alpha_options if encoding.alpha and encoder.alpha_options is not None else encoder.options
    crf = encoder.crf if encoding.crf is None else encoding.crf
    quality = {} if crf is None else {"crf": str(crf)}
    stream = cast(VideoStream, container.add_stream(encoder.name, rate=fps, options={**options, **quality}))
    stream.width, stream.height = (side + side % 2 for side in size)
    stream.pix_fmt = encoder.alpha_pixels if encoding.alpha else encoder.pixels
    if encoder.tag:
        stream.codec_context.codec_tag = encoder.tag
    set_bt709(stream, fps)
    return stream


def encoded_frame(image: ImageArray, size: tuple[int, int], pixels: str) -> av.VideoFrame:
    """A frame of an image, scaled.

    image: (H, W, 3) uint8 RGB, or (H, W, 4) with its opacity. size: width and height.
    """
    return yuv_frame(scaled(image, size), pixels)


def scaled(image: ImageArray, size: tuple[int, int]) -> ImageArray:
    """An image in another size. image: (H, W, 3) uint8, or (H, W, 4) with its opacity. size: width and height."""
    if size == (image.shape[1], image.shape[0]):
        return image
    if image.shape[2] == 3:
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    opacity = image[..., 3:].astype(np.float32) / 255  # colours count as much as they are seen
    weighted = np.concatenate([image[..., :3] * opacity, opacity], axis=2)
    smaller = cv2.resize(weighted, size, interpolation=cv2.INTER_AREA)
    seen = np.maximum(smaller[..., 3:], 1 / 255)
    return np.round(np.concatenate([smaller[..., :3] / seen, smaller[..., 3:] * 255], axis=2)).astype(np.uint8)
