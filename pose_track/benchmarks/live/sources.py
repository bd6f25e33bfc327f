"""The kinds of sources through which a clip is played, and what a live run opens for each."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pose_track.benchmarks.live.clip import Clip

SOURCES = ("file", "udp", "tcp", "mjpeg", "pipe")
_ADDRESSES = {
    "udp": "udp://127.0.0.1:{}",
    "tcp": "tcp://127.0.0.1:{}",
    "mjpeg": "http://127.0.0.1:{}/video",
    "pipe": "{}",
}


@dataclass(frozen=True)
class Playing:
    """A source that runs.

    address: what to open.
    start: when its frame 0 was sent, by `time.monotonic`; None for a file, whose reader states when each is due.
    """

    address: str
    start: float | None


@contextmanager
def played(source: str, clip: Clip) -> Iterator[Playing]:
    """Play a clip through a source until the end of the context.

    Raises ValueError where this system has no such source, and OSError.
    """
    if source == "file":
        yield Playing(str(clip.h264), None)
        return
    with TemporaryDirectory() as folder:
        target = _make_pipe(Path(folder)) if source == "pipe" else str(_free_port(source))
        file = clip.jpeg if source == "mjpeg" else clip.h264
        command = [sys.executable, "-m", f"{__package__}.sender", source, str(file), target]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                word, _, start = process.stdout.readline().partition(" ")
                if word != "ready":
                    raise OSError(f"the sender of the source {source} did not start")
                yield Playing(_ADDRESSES[source].format(target), float(start))
            finally:
                process.stdin.close()  # which ends it


def _make_pipe(folder: Path) -> str:
    if not hasattr(os, "mkfifo"):
        raise ValueError("this system has no named pipes; leave the source pipe out")
    path = folder / "pipe"
    os.mkfifo(path)
    return str(path)


def _free_port(source: str) -> int:
    """A port of the loopback that nobody uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if source == "udp" else socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
