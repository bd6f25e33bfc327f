"""Pipes as file objects for PyAV."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class Pipe:
    """The bytes of a named pipe, the standard input or another file that cannot seek.

    name: its name in messages.
    descriptor: is closed with this object.
    stalled_seconds: how long it may deliver nothing.
    """

    def __init__(self, name: str, descriptor: int, stalled_seconds: float) -> None:
        if sys.platform == "win32":  # where the standard input is text, with line ends that are replaced
            import msvcrt

            msvcrt.setmode(descriptor, os.O_BINARY)
        self.name = name
        self._descriptor = descriptor
        self._stalled_seconds = stalled_seconds

    def read(self, num_bytes: int) -> bytes:
        """The next bytes, at least one; none at the end. Raises TimeoutError; on Windows it waits for ever."""
        if sys.platform != "win32":  # which can select sockets only
            readable, _, _ = select.select([self._descriptor], [], [], self._stalled_seconds)
            if not readable:
                raise TimeoutError(
                    f"{self.name!r} is a pipe into which nothing was written for {self._stalled_seconds:g} seconds; "
                    "start the program that writes it, or give a video file"
                )
        return os.read(self._descriptor, num_bytes)

    def close(self) -> None:
        """A second call has no effect."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def __del__(self) -> None:
        self.close()  # PyAV does not

    @contextmanager
    def closed_on_error(self) -> Iterator[None]:
        """Close the pipe where an error is raised in this context."""
        try:
            yield
        except BaseException:
            self.close()
            raise
