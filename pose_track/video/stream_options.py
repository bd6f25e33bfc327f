"""How cameras, streams and pipes are opened and read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import av

_RAW = re.compile(r"(?P<width>\d+)x(?P<height>\d+)(:(?P<pixels>\w+))?(@(?P<fps>\d+(\.\d+)?))?")
_DEFAULT_RAW_FPS = "25"


@dataclass(frozen=True)
class StreamOptions:
    """How cameras, streams and pipes are opened and read.

    open_timeout_seconds: how long opening may take.
    read_timeout_seconds: how long nothing may come before the source counts as lost.
    max_reconnects: attempts to open a lost live source again, one after the other, before it is given up.
    first_backoff_seconds, max_backoff_seconds: the wait before the first attempt; it doubles up to the other.
    rtsp_transport: what carries RTSP's video; over UDP packets may be lost, over TCP late.
    size, fps: width and height in pixels and frames per second wanted of a camera or screen; None for its own.
    raw: the frames of a raw pipe, WIDTHxHEIGHT[:pixel format of FFmpeg][@fps]; rgb24 and 25 by default.

    Raises ValueError for a value that cannot be.

    >>> StreamOptions(raw="640x480:bgr24@30").raw_format.size
    (640, 480)
    """

    open_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 10.0
    max_reconnects: int = 10
    first_backoff_seconds: float = 0.5
    max_backoff_seconds: float = 10.0
    rtsp_transport: Literal["tcp", "udp"] = "tcp"
    size: tuple[int, int] | None = None
    fps: float | None = None
    raw: str | None = None

    def __post_init__(self) -> None:
        if self.open_timeout_seconds <= 0 or self.read_timeout_seconds <= 0:
            times = self.open_timeout_seconds, self.read_timeout_seconds
            raise ValueError(f"open_timeout_seconds and read_timeout_seconds must be above 0, got {times}")
        if self.max_reconnects < 0 or self.first_backoff_seconds < 0 or self.max_backoff_seconds < 0:
            raise ValueError("max_reconnects and the backoff seconds must be 0 or more")
        if self.raw is not None:
            parse_raw(self.raw)

    @property
    def raw_format(self) -> RawFormat | None:
        return None if self.raw is None else parse_raw(self.raw)


@dataclass(frozen=True)
class RawFormat:
    """Frames without any header. size: width and height; pixels: FFmpeg's name of their format; fps: their rate."""

    size: tuple[int, int]
    pixels: str
    fps: Fraction


def parse_raw(text: str) -> RawFormat:
    """Read WIDTHxHEIGHT[:pixel format][@fps]. Raises ValueError."""
    match = _RAW.fullmatch(text)
    size = (int(match["width"]), int(match["height"])) if match else (0, 0)
    fps = Fraction(match["fps"] or _DEFAULT_RAW_FPS) if match else Fraction(0)
    if match is None or not all(size) or not fps:
        raise ValueError(f"raw must be WIDTHxHEIGHT[:pixel format][@fps], such as 640x480:bgr24@30, got {text!r}")
    pixels = match["pixels"] or "rgb24"
    try:
        av.VideoFormat(pixels)
    except ValueError as error:
        raise ValueError(
            f"unknown pixel format {pixels!r}; choose rgb24, bgr24, gray or another of FFmpeg's"
        ) from error
    return RawFormat(size, pixels, fps)
