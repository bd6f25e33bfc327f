"""Going on with an interrupted run: where it goes on, whether it is the same run, and the frames before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.pipeline.result_folder import TRACKS_FILE
from pose_track.pipeline.run_state import STATE_FILE, RunState, load_state
from pose_track.structures.frames import Frame, TrackedPoses

_SOURCE_KEY = "source"  # a path may be written in several ways


def state_to_resume(folder: Path, header: Mapping[str, Any], source: str | None) -> RunState | None:
    """The state from which a run goes on; None where it begins at the first frame.

    header: of the run's track records. source: see `source_digest`.

    Raises ValueError where the folder holds the state of another run, naming what differs.
    """
    tracks = folder / TRACKS_FILE
    state = load_state(folder / STATE_FILE) if tracks.exists() else None
    if state is None:
        return None
    if state.source != source:
        raise ValueError(
            f"{header[_SOURCE_KEY]} has changed since the run in {str(folder)!r} was interrupted; give --overwrite to "
            "begin anew"
        )
    before, _ = read_tracks(tracks)
    for key, old, new in _differences(before, json.loads(json.dumps(header))):
        if key != _SOURCE_KEY:
            raise ValueError(
                f"the run in {str(folder)!r} was begun with {key} {old!r}, not {new!r}; give the options that it was "
                "begun with, or --overwrite to begin anew"
            )
    return state


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted key and both values, None where there is none, of each difference.

    >>> list(_differences({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 4, "d": 3}}))
    [('b.c', 2, 4)]
    """
    for key in [*before, *(key for key in now if key not in before)]:
        old, new = before.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differences(old, new, f"{prefix}{key}.")
        elif old != new:
            yield f"{prefix}{key}", old, new


def recorded_frames(tracks: Path, frames: Iterable[Frame]) -> Iterator[tuple[Frame, TrackedPoses]]:
    """Frames that have a record already, from the first on, with their record. Raises ValueError where a record is of
    another frame."""
    _, records = read_tracks(tracks)
    for frame, tracked in zip(frames, records, strict=False):  # more records may follow
        if frame.index != tracked.frame_index:
            raise ValueError(
                f"{str(tracks)!r} has frame {tracked.frame_index} where the video has frame {frame.index}; give "
                "--overwrite to begin anew"
            )
        yield frame, tracked
