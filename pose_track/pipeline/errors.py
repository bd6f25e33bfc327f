"""Error handling while one video is tracked: the files stay valid, and the error is reported once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pose_track.formats.tracks_writer import TracksWriter
from pose_track.video.source import DecodeError

logger = logging.getLogger(__name__)


@contextmanager
def record_fault(writer: TracksWriter) -> Iterator[None]:
    """Write what the body raises as the last line of the tracks file."""
    try:
        yield
    except BaseException as error:
        try:
            writer.write_fault(_message(error))
        except OSError as second:  # the disk is full, and the first error says so
            logger.debug("the error could not be recorded: %s", second)
        raise


def _message(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted by the user"
    return str(error) if isinstance(error, DecodeError | OSError | ValueError) else f"{type(error).__name__}: {error}"


@contextmanager
def explain_write_errors(folder: Path) -> Iterator[None]:
    """Turn an OSError about a file in `folder` into one that names the folder and the remedy.

    An OSError about another file, such as one that is read, passes unchanged.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None and folder not in (Path(error.filename), *Path(error.filename).parents):
            raise
        reason = error.strerror or error
        raise OSError(f"cannot write into {str(folder)!r}: {reason}; make room there or give another --out") from error


@contextmanager
def mute_incomplete_file_warnings() -> Iterator[None]:
    """Mute the warnings that each output file ends early: the error that cuts them short is reported by the caller."""
    loggers = [logging.getLogger(name) for name in ("pose_track.formats", "pose_track.video.writer")]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)
