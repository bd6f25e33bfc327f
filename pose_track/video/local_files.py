"""Local files for FFmpeg, which would read a name such as "concat:a.mp4" or "tcp:host:9" as an address."""

from __future__ import annotations

import os
import select
import stat
from functools import cache
from pathlib import Path
from types import TracebackType

import av
from av.container import InputContainer

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


def _open(source: str | _Pipe) -> InputContainer:
    options = {"format_whitelist": _allowed_formats(), "protocol_whitelist": "file"}
    return av.open(source, "r", metadata_errors="replace", options=options)


@cache
def _allowed_formats() -> str:
    """The names of FFmpeg's demuxers, separated by commas, without the refused ones."""
    return ",".join(sorted(av.formats_available - {name for row in _REFUSED_FORMATS for name in row.split(",")}))


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
    pipe = _Pipe(path)
    try:
        return _open(pipe)
    except BaseException:
        pipe.close()
        raise


class _Pipe:
    """The bytes of a named pipe or another file that cannot seek; a file object for PyAV, which closes it.

    Opening does not wait for a writer, reading waits at most STALLED_SECONDS. Raises TimeoutError.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def read(self, num_bytes: int) -> bytes:
        readable, _, _ = select.select([self._descriptor], [], [], STALLED_SECONDS)
        if not readable:
            raise TimeoutError(
                f"{self.name!r} is a pipe into which nothing was written for {STALLED_SECONDS:g} seconds; start the "
                "program that writes it, or give a video file"
            )
        return os.read(self._descriptor, num_bytes)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def __enter__(self) -> _Pipe:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
