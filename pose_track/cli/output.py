"""stdout and stderr that may be closed, full, or a pipe that nobody reads any more: the work goes on without them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from pose_track.cli.exit_codes import EXIT_BROKEN_PIPE, EXIT_ERROR


class LastingStream:
    """A text stream that keeps accepting text after its file cannot be written; `error` then is the first error."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.error: OSError | None = None

    def write(self, text: str) -> int:
        self._attempt(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._attempt(self._stream.flush)

    def _attempt(self, action: Callable[[], object]) -> None:
        if self.error is not None:
            return
        try:
            action()
        except OSError as error:
            self.error = error
            with open(os.devnull, "w") as nothing:  # what is buffered goes there, or Python reports it again on exit
                os.dup2(nothing.fileno(), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def lasting_output() -> Iterator[LastingStream]:
    """A context in which writing to stdout and stderr never fails. Yields its stdout."""
    _open_closed_descriptors()
    previous = sys.stdout, sys.stderr
    stdout, stderr = LastingStream(_printable(previous[0])), LastingStream(_printable(previous[1]))
    sys.stdout, sys.stderr = cast(TextIO, stdout), cast(TextIO, stderr)
    try:
        yield stdout
    finally:
        stdout.flush()
        stderr.flush()
        sys.stdout, sys.stderr = previous


def run_with_output(program: Callable[[], int]) -> int:
    """Run a program to its end, whatever becomes of its output, and return its exit code.

    Where stdout was a pipe whose reader has ended, such as `head`, the code is 141 and nothing is printed about it;
    where it could not be written for another reason, such as a full disk, one line is on stderr and the code is 2.
    """
    with lasting_output() as stdout:
        code = program()
        stdout.flush()
        if stdout.error is None:
            return code
        if isinstance(stdout.error, BrokenPipeError):
            return max(code, EXIT_BROKEN_PIPE)
        print(f"error: cannot write to stdout: {stdout.error.strerror}; results in files are complete", file=sys.stderr)
        return max(code, EXIT_ERROR)


def _open_closed_descriptors() -> None:
    """Open those of stdin, stdout and stderr that are closed, or the next file would take the place of one of them."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _printable(stream: TextIO | None) -> TextIO:
    """A stream that escapes characters which its encoding lacks, such as those of file names; Python has None for a
    closed one."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8", errors="backslashreplace")
    if reconfigure := getattr(stream, "reconfigure", None):
        reconfigure(errors="backslashreplace")
    return stream
