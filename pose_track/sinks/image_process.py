"""A child process that gets images: what may hang, abort or keep Python's global lock does so there.

OpenCV's windows need the main thread on some systems and abort the process without a display; FFmpeg connects to
servers with the global lock held. The child reads its stdin, see `read_arguments` and `read_images`, until it ends.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.structures.arrays import ImageArray

_HEAD = struct.Struct("<dII")  # pts_seconds, height, width
_POLL_SECONDS = 0.2
_PACKAGES = Path(__file__).parents[2]


class ImageProcess:
    """The parent's end.

    module: is run as `python -m module`.
    arguments: for `read_arguments`; they do not show in the list of processes, so they may hold a password.
    limit_seconds: a child that takes no image for so long is killed.
    hung: whether the child was killed.
    """

    def __init__(self, module: str, arguments: Mapping[str, Any], limit_seconds: float) -> None:
        self.hung = False
        self._limit_seconds = limit_seconds
        self._busy_since: float | None = None
        self._ended = threading.Event()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115, closed by close; a pipe would have to be emptied
        path = os.pathsep.join(filter(None, (str(_PACKAGES), os.environ.get("PYTHONPATH"))))
        self._child = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._watch = threading.Thread(target=self._kill_if_hung, name=f"watch {module}", daemon=True)
        self._watch.start()
        self._write(json.dumps(arguments).encode() + b"\n")

    def send(self, image: ImageArray, pts_seconds: float) -> None:
        """Give the child an image, (H, W, 3) uint8 RGB. Raises BrokenPipeError where the child has ended."""
        self._write(_HEAD.pack(pts_seconds, *image.shape[:2]))
        self._write(np.ascontiguousarray(image).data.cast("B"))

    def _write(self, content: bytes | memoryview) -> None:
        assert self._child.stdin is not None
        rest = memoryview(content)
        self._busy_since = time.monotonic()
        while rest:
            rest = rest[self._child.stdin.write(rest) :]
        self._busy_since = None

    def _kill_if_hung(self) -> None:
        while not self._ended.wait(_POLL_SECONDS):
            since = self._busy_since
            if since is not None and time.monotonic() - since > self._limit_seconds:
                self._kill()
                return

    def _kill(self) -> None:
        self.hung = True
        self._child.kill()

    def close(self, wait_seconds: float = 1.5) -> tuple[int, list[str]]:
        """No image follows: wait for the child, and kill it after `wait_seconds`. Returns its exit code, below 0 for a
        signal, and the lines of its stderr."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        try:
            self._child.wait(wait_seconds)
        except subprocess.TimeoutExpired:
            self._kill()
        code = self._child.wait()
        self._ended.set()
        self._watch.join()
        with self._errors:
            self._errors.seek(0)
            text = self._errors.read().decode(errors="replace")
        return code, [line for line in text.splitlines() if line.strip()]


def read_arguments() -> dict[str, Any]:
    """The arguments of this child process. From now on Ctrl-C, which a terminal sends to all, is left to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    arguments: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    return arguments


def read_images() -> Iterator[tuple[float, ImageArray]]:
    """Time in seconds and image, (H, W, 3) uint8 RGB, of each frame of this child process until its stdin ends."""
    while len(head := sys.stdin.buffer.read(_HEAD.size)) == _HEAD.size:
        pts_seconds, height, width = _HEAD.unpack(head)
        pixels = sys.stdin.buffer.read(height * width * 3)
        if len(pixels) < height * width * 3:
            return
        yield pts_seconds, np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
