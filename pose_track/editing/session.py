"""Editing a result: the people as they are now, with every edit saved at once, undo and redo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import RLock

import numpy as np

from pose_track.editing.edits import Edit, describe
from pose_track.editing.edits_file import EditHistory, EditsFile, Step, read_edits
from pose_track.editing.operations import Effect, apply_edit, complete_edit
from pose_track.editing.places import fit_edit, record_places
from pose_track.editing.table import TrackTable
from pose_track.pipeline.result_folder import TRACKS_FILE
from pose_track.results.open_result import open_result
from pose_track.structures.frames import TrackedPoses
from pose_track.utils.hashing import file_sha256

EDITS_FILE = "edits.jsonl"


@dataclass(frozen=True)
class PersonSummary:
    """One person of a result. first, last: frame indices. mean_score: of the person's poses."""

    id: int
    name: str
    first: int
    last: int
    num_frames: int
    mean_score: float


@dataclass(frozen=True)
class Applied:
    """An edit as it was recorded, and what it changed."""

    edit: Edit
    effect: Effect


@dataclass(frozen=True)
class NotApplied:
    """An edit of another result that does not fit this one, and why."""

    edit: Edit
    reason: str


class EditSession:
    """The people of a result as edits leave them. The result itself is never changed. Safe for several threads.

    result_path: a result folder or file, see `open_result`.
    edits_path: where edits are saved, each before `apply` returns; edits in the file are applied first. None to save
        none; `default_edits_path` is the place beside the result.
    video: of the result, see `open_result`; its rate is that of a file without times.

    Raises ValueError for a file with the edits of another result, or with edits that this one does not have.

        session = EditSession("out", "out/edits.jsonl")
        session.apply(Swap(ids=(1, 2), first=100))
        session.undo()
    """

    def __init__(self, result_path: str | Path, edits_path: str | Path | None, video: str | Path | None = None) -> None:
        self.result = open_result(result_path, video)
        self._base = TrackTable.from_frames(self.result, self.result.skeleton, self.result.names)
        self._lock = RLock()
        self._history = EditHistory(result_sha256=self.sha256)
        self._file = None if edits_path is None else EditsFile(edits_path, self.result.path.name, self.sha256)
        self._version = 0
        self._rebuild()

    @property
    def sha256(self) -> str:
        """The hash of the result's file."""
        return file_sha256(self.result.path)

    @property
    def version(self) -> int:
        """A number that grows with each change."""
        return self._version

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits that stand, in order."""
        with self._lock:
            return tuple(self._done.done)

    @property
    def undone(self) -> tuple[Edit, ...]:
        """The edits that `redo` restores; the next one is the last."""
        with self._lock:
            return tuple(self._done.undone)

    @property
    def names(self) -> dict[int, str]:
        """The names of people, by id."""
        with self._lock:
            return dict(self._table.names)

    def apply(self, edit: Edit) -> Applied:
        """Apply an edit and save it.

        Raises ValueError where the result has no such person, frame or joint, and what `EditsFile.append` raises; then
        nothing is changed.
        """
        with self._lock:
            recorded = record_places(complete_edit(edit, self._table), self._table)
            effect = apply_edit(recorded, self._table)
            try:
                self._save(recorded)
            except Exception:
                self._rebuild()
                raise
            self._version += 1
            return Applied(recorded, effect)

    def undo(self) -> Edit:
        """Take back the last edit that stands, and return it. Raises ValueError where there is none."""
        with self._lock:
            self._save("undo")
            self._rebuild()
            return self._done.undone[-1]

    def redo(self) -> Edit:
        """Restore the last edit that was taken back. Raises ValueError where there is none."""
        with self._lock:
            self._save("redo")
            self._rebuild()
            return self._done.done[-1]

    def replay(self, path: str | Path) -> tuple[list[Applied], list[NotApplied]]:
        """Apply the edits of a file, see `read_edits`; those of another result by time and place, see `fit_edit`."""
        history = read_edits(path)
        is_same = history.result_sha256 == self.sha256
        applied: list[Applied] = []
        rejected: list[NotApplied] = []
        with self._lock:
            for edit in history.done:
                try:
                    applied.append(self.apply(edit if is_same else fit_edit(edit, self._table)))
                except ValueError as error:
                    rejected.append(NotApplied(edit, str(error)))
        return applied, rejected

    def frames(self, first: int | None = None, last: int | None = None) -> list[TrackedPoses]:
        """The frames whose indices are from `first` to `last`, both included, as the edits leave them."""
        with self._lock:
            start = 0 if first is None else int(np.searchsorted(self._table.frames, first, "left"))
            end = len(self._table) if last is None else int(np.searchsorted(self._table.frames, last, "right"))
            return [self._table.tracked(position) for position in range(start, end)]

    def people(self) -> list[PersonSummary]:
        """Everybody in the result, by id."""
        with self._lock:
            table = self._table
            ids, firsts, counts = np.unique(table.ids, return_index=True, return_counts=True)
            lasts = len(table.ids) - 1 - np.unique(table.ids[::-1], return_index=True)[1]
            places = np.searchsorted(ids, table.ids)
            means = np.bincount(places, table.poses.scores, len(ids)) / counts if len(ids) else counts
            columns = (ids, table.row_frames[firsts], table.row_frames[lasts], counts, means)
            return [
                PersonSummary(track_id, table.names.get(track_id, ""), first, last, count, round(mean, 4))
                for track_id, first, last, count, mean in zip(*(column.tolist() for column in columns), strict=True)
                if track_id
            ]

    @property
    def _done(self) -> EditHistory:
        return self._history if self._file is None else self._file.history

    def _save(self, step: Step) -> None:
        if self._file is None:
            self._history.take(step)
        else:
            self._file.append(step)

    def _rebuild(self) -> None:
        """Apply the edits that stand to the result as it was."""
        self._version += 1
        self._table = self._base.copy()
        for edit in self._done.done:
            try:
                apply_edit(complete_edit(edit, self._table), self._table)
            except ValueError as error:
                raise ValueError(f"{describe(edit)}: {error}") from None


def default_edits_path(result: Path) -> Path:
    """The place of a result's edits: `edits.jsonl` beside a `tracks.jsonl`, `NAME.edits.jsonl` beside another file.

    result: a result folder or file.

    >>> default_edits_path(Path("out/tracks.jsonl")).as_posix(), default_edits_path(Path("a/b.json")).as_posix()
    ('out/edits.jsonl', 'a/b.edits.jsonl')
    """
    file = result / TRACKS_FILE if result.is_dir() else result
    return file.with_name(EDITS_FILE if file.name == TRACKS_FILE else f"{file.stem}.{EDITS_FILE}")
