"""What keeps one video's files valid, and its error clear, when something goes wrong on the way."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pose_track.formats.tracks_jsonl import TracksWriter
from pose_track.video.source import DecodeError

logger = logging.getLogger(__name__)


@contextmanager
def fault_recorded(records: TracksWriter) -> Iterator[None]:
    """Whatever ends the body early is named in the last line of the records."""
    try:
        yield
    except BaseException as error:
        try:
            records.fault(_message(error))
        except OSError as second:  # a full disk: then that error is on its way already
            logger.debug("the fault could not be recorded: %s", second)
        raise


def _message(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted by the user"
    return str(error) if isinstance(error, DecodeError | OSError | ValueError) else f"{type(error).__name__}: {error}"


@contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """A failure to write names the folder and the remedy; a failure to read, which names its own file, passes."""
    try:
        yield
    except OSError as error:
        if error.filename is not None and folder not in (Path(error.filename), *Path(error.filename).parents):
            raise
        reason = error.strerror or error
        raise OSError(f"cannot write into {str(folder)!r}: {reason}; make room there or give another --out") from error


@contextmanager
def told_once() -> Iterator[None]:
    """An error is told by who catches it; that each file is cut short by it need not be told as well."""
    quiet = [logging.getLogger(name) for name in ("pose_track.formats", "pose_track.video.writer")]
    levels = [log.level for log in quiet]
    for log in quiet:
        log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for log, level in zip(quiet, levels, strict=True):
            log.setLevel(level)


@contextmanager
def interrupts_between_frames() -> Iterator[Callable[[], None]]:
    """Ctrl-C waits until the body calls what this yields, or ends, so that all files end with the same frame. A
    second one does not wait."""
    waiting = False
    previous = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal waiting
        waiting = True
        signal.signal(signal.SIGINT, previous)

    def check() -> None:
        if waiting:
            raise KeyboardInterrupt

    # Only the main thread may set handlers; one that is no function (SIGINT is ignored, say) is there for a reason.
    if threading.current_thread() is not threading.main_thread() or not callable(previous):
        yield check
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield check
        check()
    finally:
        signal.signal(signal.SIGINT, previous)
