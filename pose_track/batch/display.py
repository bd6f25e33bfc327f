"""A batch on the terminal: a line for each worker and one for all; where there is no terminal, a line now and then."""

from __future__ import annotations

import sys
import time
from collections import Counter
from types import TracebackType
from typing import TextIO

from tqdm import tqdm

from pose_track.batch.journal import Row
from pose_track.batch.state import BatchState
from pose_track.batch.words import batch_line, worker_lines

_TERMINAL_SECONDS, _FILE_SECONDS = 0.5, 60.0  # between two looks at the state


class Display:
    """A context; see `pose_track.batch.driver.Watcher`. It writes to stderr.

    changes: what has changed since results were made that were left as they are, and of how many videos.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = sys.stderr if file is None else file
        self._is_terminal = self._file.isatty()
        self._bars: list[tqdm[None]] = []
        self._due_at = time.monotonic() + (0.0 if self._is_terminal else _FILE_SECONDS)
        self.changes: Counter[str] = Counter()

    def settled(self, row: Row, is_new: bool) -> None:
        if row.status == "changed":
            self.changes[row.reason] += 1
        elif row.status == "failed":
            attempts = f" in {row.attempts} attempts" if row.attempts > 1 else ""
            self.say(f"failed{attempts}: {row.video}: {row.reason}")

    def moved(self, state: BatchState) -> None:
        if time.monotonic() < self._due_at:
            return
        if self._is_terminal:
            self._due_at = time.monotonic() + _TERMINAL_SECONDS
            self._draw([batch_line(state), *worker_lines(state)])
        else:
            self._due_at = time.monotonic() + _FILE_SECONDS
            self.say(batch_line(state))

    def say(self, line: str) -> None:
        """Print a line, above those that change."""
        tqdm.write(line, file=self._file)

    def _draw(self, lines: list[str]) -> None:
        while len(self._bars) < len(lines):
            self._bars.append(tqdm(file=self._file, bar_format="{desc}", position=len(self._bars), leave=False))
        for number, bar in enumerate(self._bars):
            bar.set_description_str(lines[number] if number < len(lines) else "")

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for bar in reversed(self._bars):
            bar.close()
