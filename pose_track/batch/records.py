"""The files that a batch keeps while it runs: its journal, the tables, and figures for Prometheus."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from pathlib import Path

from pose_track.batch.journal import Journal, Row, read_rows
from pose_track.batch.prometheus import prometheus_text
from pose_track.batch.state import BatchState
from pose_track.batch.tables import write_tables
from pose_track.utils.atomic import atomic_text

_STATE_SECONDS, _TABLE_SECONDS = 2.0, 60.0  # between two writings

logger = logging.getLogger(__name__)


class Records:
    """See `pose_track.batch.driver.Watcher`. formats: of the summary. prometheus: a file, None for none."""

    def __init__(self, journal: Journal, out: Path, formats: Collection[str], prometheus: Path | None = None) -> None:
        self._journal, self._out, self._formats, self._prometheus = journal, out, formats, prometheus
        self._state_due_at, self._tables_due_at = 0.0, time.monotonic() + _TABLE_SECONDS

    def settled(self, row: Row, is_new: bool) -> None:
        self._journal.write(row)

    def moved(self, state: BatchState) -> None:
        if time.monotonic() >= self._state_due_at:
            self._state_due_at = time.monotonic() + _STATE_SECONDS
            self.save_state(state)
        if time.monotonic() >= self._tables_due_at:
            self._tables_due_at = time.monotonic() + _TABLE_SECONDS
            self.save_tables()

    def save_state(self, state: BatchState) -> None:
        self._journal.save(state)
        if self._prometheus is not None:
            try:
                with atomic_text(self._prometheus) as file:
                    file.write(prometheus_text(state))
            except OSError as error:
                logger.warning("%s: cannot be written: %s", self._prometheus, error.strerror or error)

    def save_tables(self) -> None:
        """Write the tables of all batches in the folder. On a full disk the old ones stay."""
        try:
            write_tables(read_rows(self._out), self._out, self._formats)
        except OSError as error:
            logger.warning("%s: the summary cannot be written: %s", self._out, error.strerror or error)
