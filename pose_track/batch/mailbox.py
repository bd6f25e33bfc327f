"""Messages between a batch and one worker, as files in a folder of a disk that both see."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from pose_track.utils.atomic import atomic_path

T = TypeVar("T")

_ALIVE, _STOP, _READY = "alive", "stop", "ready"


class Mailbox:
    """Tasks go in, progress and outcomes come out, each with the number of its task, from 0. A file appears whole.

    On a network file system the other side may see it some seconds later.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[float, float] | None = None  # time of the file, and when it was seen first

    def put(self, kind: str, number: int, message: Any) -> None:
        with atomic_path(self._folder / f"{kind}-{number}.json") as path:
            path.write_bytes(msgspec.json.encode(message))

    def get(self, kind: str, number: int, message_type: type[T]) -> T | None:
        """A message; None while it is not there."""
        try:
            return msgspec.json.decode((self._folder / f"{kind}-{number}.json").read_bytes(), type=message_type)
        except FileNotFoundError:
            return None

    def is_ready(self) -> bool:
        """Whether the worker has started."""
        return (self._folder / _READY).exists()

    def say_ready(self) -> None:
        (self._folder / _READY).touch()

    def is_stopped(self) -> bool:
        """Whether the worker shall end."""
        return (self._folder / _STOP).exists()

    def say_stop(self) -> None:
        (self._folder / _STOP).touch()

    def say_alive(self) -> None:
        """State that the batch goes on; say so at least once a minute."""
        (self._folder / _ALIVE).touch()

    def silence(self) -> float:
        """Seconds for which the batch has said nothing, by this machine's clock."""
        try:
            stamp = (self._folder / _ALIVE).stat().st_mtime
        except FileNotFoundError:
            stamp = 0.0
        now = time.monotonic()
        if self._seen is None or self._seen[0] != stamp:
            self._seen = stamp, now
        return now - self._seen[1]
