"""What became of each video, one line each, and how a batch stands, for any number of batches that share a folder.

Each batch that runs has a folder of its own, `.batch/drivers/N`, which it locks, so that nothing is written twice.
"""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

import msgspec

from pose_track.batch.results import Figures, control_folder
from pose_track.batch.state import BatchState
from pose_track.utils.atomic import atomic_path
from pose_track.utils.folder_lock import is_locked, locked_folder

JOURNAL, STATE = "journal.jsonl", "state.json"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Row:
    """What became of a video.

    video: its folder below that of the batch. figures: None where it failed. reason: of a failure, or what has changed.
    log_tail: the end of its log, where it failed. at: seconds since the epoch.
    """

    video: str
    source: str
    status: Literal["done", "changed", "failed"]
    at: float
    figures: Figures | None = None
    attempts: int = 0
    reason: str = ""
    log_tail: str = ""


@dataclass(frozen=True)
class SavedState:
    """The state of a batch, and the process that wrote it."""

    pid: int
    machine: str
    state: BatchState


class Journal:
    """The files of one batch in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        rows = {row.video: row for row in _read(folder / JOURNAL)}  # the last one of each
        with atomic_path(folder / JOURNAL) as temporary:
            temporary.write_bytes(b"".join(_line(row) for row in rows.values()))
        self._file = (folder / JOURNAL).open("ab", buffering=0)

    def write(self, row: Row) -> None:
        """Add a row. A full disk costs the row, not the batch."""
        self._attempt(lambda: self._file.write(_line(row)))

    def save(self, state: BatchState) -> None:
        """Replace the state."""
        content = msgspec.json.encode(SavedState(os.getpid(), platform.node(), state))

        def write() -> None:
            with atomic_path(self._folder / STATE, single_writer=True) as temporary:
                temporary.write_bytes(content)

        self._attempt(write)

    def _attempt(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            logger.warning("%s: cannot be written: %s", self._folder, error.strerror or error)

    def close(self) -> None:
        self._file.close()


@contextmanager
def open_journal(out: Path) -> Iterator[Journal]:
    """A journal of its own for a batch."""
    with ExitStack() as stack:
        for number in count(1):
            folder = control_folder(out) / "drivers" / str(number)
            with suppress(BlockingIOError):
                stack.enter_context(locked_folder(folder))
                break
        journal = Journal(folder)
        stack.callback(journal.close)
        yield journal


def read_rows(out: Path) -> list[Row]:
    """The last row of each video, of all batches in a folder, by name."""
    rows: dict[str, Row] = {}
    for path in control_folder(out).glob(f"drivers/*/{JOURNAL}"):
        for row in _read(path):
            if row.video not in rows or rows[row.video].at <= row.at:
                rows[row.video] = row
    return [rows[name] for name in sorted(rows)]


def read_states(out: Path) -> list[tuple[SavedState, bool]]:
    """The state of each batch in a folder, the newest last, and whether it still runs."""
    found = []
    for path in control_folder(out).glob(f"drivers/*/{STATE}"):
        with suppress(OSError):  # it is being replaced
            found.append((msgspec.json.decode(path.read_bytes(), type=SavedState), is_locked(path.parent)))
    return sorted(found, key=lambda pair: pair[0].state.updated)


def _line(row: Row) -> bytes:
    return msgspec.json.encode(row) + b"\n"


def _read(path: Path) -> Iterator[Row]:
    """The rows of a file; a line that a killed process or a full disk has cut is passed over."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            with suppress(msgspec.DecodeError):
                yield msgspec.json.decode(line, type=Row)
