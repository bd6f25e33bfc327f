"""Writing an edited result as a new one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pose_track.editing.edits import edit_values
from pose_track.editing.session import EditSession
from pose_track.formats.tracks_jsonl import DamageRecord, TrackRecords
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.results.result import Result
from pose_track.structures.skeleton_record import header_fields
from pose_track.utils.atomic import atomic_path
from pose_track.utils.version import __version__


def write_edited(session: EditSession, path: Path) -> None:
    """Write the result as its edits leave it as a `tracks.jsonl`, atomically, with its faults.

    The header has the names of people, and a last entry of "edits" says what was done: the file that was edited, its
    hash and the edits.
    """
    result = session.result
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, TracksWriter(temporary, edited_header(session)) as writer:
        for tracked in session.frames():
            writer.write(tracked)
        if isinstance(result.frames, TrackRecords) and (live := result.frames.live) is not None:
            writer.write_live(live.num_skipped, live.latency_ms)
        for fault in result.faults:
            if isinstance(fault, DamageRecord):
                writer.write_damage(fault.frame, fault.message)
            else:
                writer.write_fault(fault.message)


def edited_header(session: EditSession) -> dict[str, Any]:
    """The header of an edited result."""
    done = {
        "result": session.result.path.name,
        "sha256": session.sha256,
        "edits": [edit_values(edit) for edit in session.edits],
    }
    header = dict(session.result.header) or _new_header(session.result)
    names = {str(track_id): name for track_id, name in sorted(session.names.items())}
    new = {**header, "edits": [*header.get("edits", []), done]}
    return new | {"names": names} if names or "names" in header else new


def _new_header(result: Result) -> dict[str, Any]:
    """The header of a result in another format."""
    return {
        "version": __version__,
        "source": str(result.source or result.path.name),
        "fps": result.fps,
        "width": result.width,
        "height": result.height,
        **header_fields(result.skeleton),
        "settings": None,
        "weights": None,
    }
