"""Error handling while one video is tracked: the files stay valid, and the error is reported once."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path

from pose_track.formats.tracks_writer import TracksWriter
from pose_track.video.source import DamageError, DecodeError, Fault

logger = logging.getLogger(__name__)

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DamageRecords:
    """Writes the faults of a video, between the frames, into the tracks file. faults: grows while the video is read."""

    def __init__(self, writer: TracksWriter, faults: Sequence[Fault]) -> None:
        self._writer, self._faults = writer, faults
        self._num_taken = 0

    def write(self, frame_index: float = inf) -> None:
        """Write the faults at or before a frame that were not written yet."""
        for fault in self.pass_over(frame_index):
            self._writer.write_damage(fault.frame_index, fault.cause)

    def pass_over(self, frame_index: float) -> Sequence[Fault]:
        """Take the faults at or before a frame that were not taken yet, such as those that another run has written."""
        first = self._num_taken
        while self._num_taken < len(self._faults) and self._faults[self._num_taken].frame_index <= frame_index:
            self._num_taken += 1
        return self._faults[first : self._num_taken]


@contextmanager
def record_fault(writer: TracksWriter, damage: DamageRecords) -> Iterator[None]:
    """Write what the body raises as the last line of the tracks file; of a damaged video that was read to its end, the
    remaining faults."""
    try:
        yield
    except BaseException as error:
        try:
            if isinstance(error, DamageError):
                damage.write()
                writer.finish()
            else:
                writer.write_fault(_message(error))
        except OSError as second:  # the disk is full, and the first error says so
            logger.debug("the error could not be recorded: %s", second)
        raise


def _message(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted by the user"
    return str(error) if isinstance(error, DecodeError | OSError | ValueError) else f"{type(error).__name__}: {error}"


@contextmanager
def explain_write_errors(folder: Path) -> Iterator[None]:
    """Turn an OSError about a file in `folder` into one that names the folder and the remedy.

    An OSError about another file, such as one that is read, passes unchanged, and so do those of a pipe into which
    nobody writes, and of a folder that another process has locked.
    """
    try:
        yield
    except (TimeoutError, BlockingIOError):
        raise
    except OSError as error:
        if error.filename is not None and folder not in (Path(error.filename), *Path(error.filename).parents):
            raise
        reason = error.strerror or error
        remedy = "make room there or " if error.errno in _FULL else ""
        raise OSError(f"cannot write into {str(folder)!r}: {reason}; {remedy}give another --out") from error


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
