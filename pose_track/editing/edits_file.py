"""The file of a result's edits: one line each, only ever appended to.

    {"type": "edits", "result": "tracks.jsonl", "sha256": "..."}
    {"op": "swap", "ids": [1, 2], "from": 100, "to": null, ...}
    {"op": "undo"}

The first line names the result by the hash of its file; it may be missing. "undo" takes back the last edit, "redo"
restores the last one that was taken back since the last new edit. A line is safe on the disk before `append`
returns. What a killed process left of a line is ignored, and replaced by the next one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pose_track.editing.edits import Edit, edit_values, parse_edit
from pose_track.formats.json_text import parse_json

Step = Edit | Literal["undo", "redo"]


@dataclass
class EditHistory:
    """The edits that stand, in order, and those that were taken back, the last one first to be restored.

    result_sha256: of the result that they were made for; "" where it is not stated.
    """

    done: list[Edit] = field(default_factory=list)
    undone: list[Edit] = field(default_factory=list)
    result_sha256: str = ""

    def take(self, step: Step) -> None:
        """Add an edit, or take one back, or restore one. Raises ValueError where there is none to take."""
        if step == "undo":
            if not self.done:
                raise ValueError("there is no edit to undo")
            self.undone.append(self.done.pop())
        elif step == "redo":
            if not self.undone:
                raise ValueError("there is no edit to redo")
            self.done.append(self.undone.pop())
        else:
            self.done.append(step)
            self.undone.clear()


def read_edits(path: str | Path) -> EditHistory:
    """The edits of a file; or those that an edited `tracks.jsonl` states in its header.

    Raises OSError, and ValueError with the line for anything that is not an edit.
    """
    path = Path(path)
    history = EditHistory()
    complete, rest = _lines(path.read_bytes())
    for number, line in enumerate(complete + ([rest] if _is_record(rest) else []), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        values = parse_json(line, where)
        if number == 1 and _is_result_header(values):
            return _stated_edits(values, where)
        try:
            if number == 1 and isinstance(values, dict) and values.get("type") == "edits":
                history.result_sha256 = str(values.get("sha256", ""))
                continue
            history.take(_step(values))
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
    return history


class EditsFile:
    """Appends to the edits of a result; the file is made with the first one.

    Raises ValueError for a file of another result.
    """

    def __init__(self, path: str | Path, result: str, sha256: str) -> None:
        self.path = Path(path)
        self._header = {"type": "edits", "result": result, "sha256": sha256}
        self.history = read_edits(self.path) if self.path.exists() else EditHistory(result_sha256=sha256)
        if self.history.result_sha256 not in ("", sha256):
            raise ValueError(
                f"{str(self.path)!r} has the edits of another result, or this one was tracked again; move it away, and "
                f"give it to pose-track edit with --apply, which finds its people by time and place"
            )
        self._size = self._current_size()

    def append(self, step: Step) -> None:
        """Write a step to the disk, then take it into the history.

        Raises BlockingIOError where another process has written the file since, OSError where it cannot be written, and
        ValueError where there is nothing to undo or redo; the file is then as it was.
        """
        tried = EditHistory(list(self.history.done), list(self.history.undone), self.history.result_sha256)
        tried.take(step)
        if self._current_size() != self._size:
            raise BlockingIOError(f"another process has changed {str(self.path)!r}; open the result again")
        values = {"op": step} if isinstance(step, str) else edit_values(step)
        self._write((_line(self._header) if not self._size else b"") + _line(values))
        self.history = tried

    def _write(self, lines: bytes) -> None:
        """Append lines, or leave the file as it was."""
        is_new = not self.path.exists()
        with self.path.open("ab", buffering=0) as file:
            self._end_last_line(file.fileno())
            self._size = os.fstat(file.fileno()).st_size
            try:
                while lines:
                    lines = lines[file.write(lines) :]
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), self._size)
                raise
            self._size = os.fstat(file.fileno()).st_size
        if is_new:
            _sync_folder(self.path.parent)

    def _end_last_line(self, descriptor: int) -> None:
        """Remove half a line, or end one that lacks only its line break."""
        if not self._size:
            return
        content = self.path.read_bytes()
        rest = _lines(content)[1]
        if _is_record(rest):
            os.write(descriptor, b"\n")
        elif rest:
            os.ftruncate(descriptor, len(content) - len(rest))

    def _current_size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0


def _step(values: Any) -> Step:
    op = values.get("op") if isinstance(values, dict) else None
    if op == "undo" or op == "redo":
        return op  # type: ignore[no-any-return]
    return parse_edit(values)


def _lines(content: bytes) -> tuple[list[bytes], bytes]:
    """The complete lines, and what follows the last line break."""
    *complete, rest = content.split(b"\n")
    return complete, rest


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _is_result_header(values: Any) -> bool:
    return isinstance(values, dict) and values.get("type") == "header"


def _stated_edits(header: Mapping[str, Any], where: str) -> EditHistory:
    """The edits that made a result out of a tracked one, in one or several rounds, from the header of its file."""
    rounds = header.get("edits")
    if not isinstance(rounds, list) or not rounds or not all(isinstance(one, dict) for one in rounds):
        raise ValueError(f"{where}: the header of this result states no edits")
    edits = [parse_edit(values) for one in rounds for values in one.get("edits", [])]
    return EditHistory(edits, result_sha256=str(rounds[0].get("sha256", "")))


def _line(values: Mapping[str, Any]) -> bytes:
    return (json.dumps(values, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _sync_folder(folder: Path) -> None:
    """Make sure that a new file is in its folder after a power failure, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
