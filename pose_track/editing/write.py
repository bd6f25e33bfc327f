"""Writing an edited result as a new one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pose_track.editing.edits import edit_values
from pose_track.editing.session import TRACKS_NAME, EditSession
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.utils.atomic import atomic_path


def edited_path(folder: Path) -> Path:
    """The file of an edited result in its folder."""
    return folder / TRACKS_NAME


def write_edited(session: EditSession, path: Path) -> None:
    """Write the result as its edits leave it, atomically, with its faults.

    The header has the names of people, and in "edits" what was done: the file that was edited, its hash and the edits.
    """
    result = session.result
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, TracksWriter(temporary, edited_header(session)) as writer:
        for tracked in session.frames():
            writer.write(tracked)
        for fault in result.faults:
            writer.write_damage(fault.frame, fault.message)


def edited_header(session: EditSession) -> dict[str, Any]:
    """The header of an edited result."""
    header: Mapping[str, Any] = session.result.header
    done = {
        "result": session.tracks_path.name,
        "sha256": session.sha256,
        "edits": [edit_values(edit) for edit in session.edits],
    }
    names = {str(track_id): name for track_id, name in sorted(session.names.items())}
    new = {**header, "edits": [*header.get("edits", []), done]}
    return new | {"names": names} if names or "names" in header else new
