"""What a user may give as a video: a file, a camera, a stream, a pipe, a screen or a pattern of images."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["file", "camera", "stream", "pipe", "screen", "images"]

STREAM_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "tcp", "srt", "rtp")
CAMERA_FORMATS = ("v4l2", "avfoundation", "dshow")

_DEVICE = re.compile(r"/dev/video(\d+)")
_SCHEME = re.compile(r"([a-z]+)://", re.IGNORECASE)
_SCREEN = re.compile(r"screen:(\d+,\d+,\d+,\d+)?")
_DEFAULT_PORTS = {"rtsp": "554", "rtsps": "322", "rtmp": "1935", "http": "80", "https": "443"}
_SECRET = re.compile(r"((?:user|username|password|passwd|pwd|pass|token|key|secret)=)[^/&;]*", re.IGNORECASE)
_MAX_NAME = 80


@dataclass(frozen=True)
class Location:
    """Where a video comes from.

    text: its name in messages and results, without user names, passwords and the values of a query.
    name: its name as a folder of results.
    address: what is opened: a path, a URL, a device or a pattern. It may hold a password and is never shown.
    """

    kind: Kind
    text: str
    name: str
    address: str = field(repr=False)

    @property
    def is_live(self) -> bool:
        """Whether frames come as they are captured, as far as the address tells: that of http and https does not."""
        return self.kind in ("camera", "screen") or (self.kind == "stream" and not self.scheme.startswith("http"))

    @property
    def is_pipe(self) -> bool:
        """Whether another program writes it as fast as it is read: the standard input or a named pipe."""
        return self.kind == "pipe" or (self.kind == "file" and Path(self.address).is_fifo())

    @property
    def scheme(self) -> str:
        """Of a stream, such as "rtsp"; "" for others."""
        match = _SCHEME.match(self.address) if self.kind == "stream" else None
        return match[1].lower() if match else ""


def parse_source(source: int | str | Path) -> Location:
    """Tell what a source is. What exists as a file is one, whatever its name; only text that is no file is an address.

    source: the number of a camera, a path, or one of
        /dev/video0, v4l2:/dev/video0, avfoundation:NAME, dshow:NAME: a camera;
        rtsp:// rtsps:// rtmp:// http:// https:// udp:// tcp:// srt:// rtp://: a stream;
        - for the standard input; screen: or screen:X,Y,WIDTH,HEIGHT; a pattern of images with *, ? or [.

    Raises ValueError for a negative number, and a part of a screen that is no rectangle.

    >>> parse_source("rtsp://admin:secret@cam1:554/stream1?token=x")
    Location(kind='stream', text='rtsp://cam1:554/stream1?***', name='cam1_stream1')
    >>> parse_source(0).name, parse_source("-").kind, parse_source("clip.mp4").kind
    ('camera0', 'pipe', 'file')
    """
    if isinstance(source, int):
        if source < 0:
            raise ValueError(f"a camera has a number from 0 on, got {source!r}")
        return Location("camera", f"camera {source}", f"camera{source}", str(source))
    text = str(source)
    device = _DEVICE.fullmatch(text)
    if device:
        return Location("camera", text, f"camera{int(device[1])}", f"v4l2:{text}")
    if isinstance(source, Path) or _exists(text):
        return _file(text)
    return _address(text)


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long, or with a null character
        return False


def _file(text: str) -> Location:
    return Location("file", text, _as_name(Path(text).stem) or "video", text)


def _address(text: str) -> Location:
    """The location of a text that is no file."""
    if text.isascii() and text.isdigit():
        return parse_source(int(text))
    if text == "-":
        return Location("pipe", "standard input", "stdin", text)
    if text.partition(":")[0] in CAMERA_FORMATS:
        return Location("camera", text, _as_name(text.partition(":")[2]) or "camera", text)
    if text.startswith("screen:"):
        return _screen(text)
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() in STREAM_SCHEMES:
        shown = redacted(text)
        return Location("stream", shown, _stream_name(shown), text)
    if any(mark in text for mark in "*?["):
        return Location("images", text, _as_name(Path(text).parent.name) or "images", text)
    return _file(text)


def _screen(text: str) -> Location:
    match = _SCREEN.fullmatch(text)
    if match is None or (match[1] and not all(int(part) for part in match[1].split(",")[2:])):
        raise ValueError(f"a part of the screen is screen:X,Y,WIDTH,HEIGHT in pixels, got {text!r}")
    return Location("screen", text, "screen", text)


def redacted(url: str) -> str:
    """A URL without user name, password, and values of its query or of parts such as password=.

    >>> redacted("https://user:pa/ss@host/live?key=1#part"), redacted("udp://@239.0.0.1:1234")
    ('https://host/live?***', 'udp://239.0.0.1:1234')
    """
    scheme, _, rest = url.partition("://")
    before, at, after = rest.rpartition("@")
    is_path = "/" in before and ":" not in before  # of an @ behind the host, such as host/@name
    shown = rest if not at or is_path else after
    place, mark, _ = shown.partition("#")[0].partition("?")
    return f"{scheme}://" + _SECRET.sub(r"\1***", place) + ("?***" if mark else "")


def _stream_name(shown: str) -> str:
    """
    >>> _stream_name("rtsp://cam1:554/stream1"), _stream_name("udp://239.0.0.1:1234?***")
    ('cam1_stream1', '239.0.0.1_1234')
    """
    scheme, _, rest = shown.partition("://")
    host, slash, path = rest.partition("?")[0].partition("/")
    return _as_name(host.removesuffix(f":{_DEFAULT_PORTS.get(scheme.lower(), '')}") + slash + path) or "stream"


def _as_name(text: str) -> str:
    """A name that every system takes for a folder; "" where nothing is left."""
    return re.sub(r"[^\w.-]+", "_", text).strip("_.")[:_MAX_NAME]
