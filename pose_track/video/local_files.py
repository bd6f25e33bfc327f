"""Local files for FFmpeg, which would read a name such as "concat:a.mp4" or "tcp:host:9" as an address."""

from __future__ import annotations

import os
import stat
import sys
from functools import cache
from pathlib import Path

import av
from av.container import InputContainer

from pose_track.video.pipes import Pipe
from pose_track.video.stream_options import RawFormat, StreamOptions

STALLED_SECONDS = 10.0
"""How long a pipe may deliver nothing before reading it ends."""

# Demuxers that read other files than the one that is opened, devices, or text as images.
_REFUSED_FORMATS = frozenset({
    "alsa", "concat", "dash", "fbdev", "hls", "image2", "imf", "kmsgrab", "lavfi", "oss", "rtp", "rtsp", "sap", "sdp",
    "tty", "video4linux2,v4l2", "vobsub", "webm_dash_manifest", "x11grab",
})  # fmt: skip
_PLAYLIST_SUFFIXES = (".asx", ".ffconcat", ".m3u", ".m3u8", ".mpd", ".pls", ".sdp", ".wpl", ".xspf")
_PLAYLIST_STARTS = (b"#EXTM3U", b"ffconcat version", b"[playlist]", b"<MPD", b"v=0\r\n", b"v=0\n")
_NUM_START_BYTES = 2048
_READ_PIPE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)  # Windows has no named pipes among its files


def file_url(path: Path) -> str:
    """The address by which FFmpeg opens exactly this file, whatever its name.

    >>> file_url(Path("12:30:45.mp4"))
    'file:12:30:45.mp4'
    """
    return f"file:{path}"


def open_local(path: Path) -> InputContainer:
    """Open a video file with FFmpeg, which reads this file and nothing else: no address, playlist or other file.

    A pipe is read once, and ends where it delivers nothing for STALLED_SECONDS. Raises ValueError for a playlist and a
    file of another kind than video; TimeoutError for a pipe into which nobody writes; av.FFmpegError and OSError.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        return _open_pipe(path)
    _check_no_playlist(path)
    return _open(file_url(path))


def open_standard_input(options: StreamOptions) -> InputContainer:
    """Open what is written into this process, once. Raises TimeoutError, av.FFmpegError and OSError."""
    pipe = Pipe("standard input", os.dup(sys.stdin.fileno()), options.read_timeout_seconds)
    with pipe.closed_on_error():
        return _open(pipe) if options.raw_format is None else _open_raw(pipe, options.raw_format)


def open_raw(path: Path, options: StreamOptions) -> InputContainer:
    """Open a file or a pipe that holds frames without any header, as the options state. Raises as `open_local`."""
    raw = options.raw_format
    assert raw is not None
    if stat.S_ISREG(path.stat().st_mode):
        return _open_raw(file_url(path), raw)
    pipe = Pipe(str(path), os.open(path, _READ_PIPE), options.read_timeout_seconds)
    with pipe.closed_on_error():
        return _open_raw(pipe, raw)


def _open(source: str | Pipe) -> InputContainer:
    options = {"format_whitelist": allowed_formats(), "protocol_whitelist": "file"}
    return av.open(source, "r", metadata_errors="replace", options=options)


def _open_raw(source: str | Pipe, raw: RawFormat) -> InputContainer:
    size = "{}x{}".format(*raw.size)
    options = {"video_size": size, "pixel_format": raw.pixels, "framerate": str(raw.fps), "protocol_whitelist": "file"}
    return av.open(source, "r", format="rawvideo", options=options)


@cache
def allowed_formats(*also: str) -> str:
    """The names of FFmpeg's demuxers, separated by commas, without those that open other files, except `also`."""
    refused = {name for row in _REFUSED_FORMATS for name in row.split(",")} - set(also)
    return ",".join(sorted(av.formats_available - refused))


def _check_no_playlist(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(_NUM_START_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
    is_manifest = start.startswith(b"<?xml") and b"<MPD" in start
    if path.suffix.lower() in _PLAYLIST_SUFFIXES or start.startswith(_PLAYLIST_STARTS) or is_manifest:
        raise ValueError(
            f"{str(path)!r} is a playlist, which names other files or addresses; give the video itself, or save what "
            "it names as one file first"
        )


def _open_pipe(path: Path) -> InputContainer:
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder, not a video file")
    pipe = Pipe(str(path), os.open(path, _READ_PIPE), STALLED_SECONDS)
    with pipe.closed_on_error():
        return _open(pipe)
