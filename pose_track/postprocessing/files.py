"""A file of tracks in memory, and the same layout written again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.formats.registry import FORMATS, read_sequence, recognise
from pose_track.formats.to_poses import people_to_poses
from pose_track.formats.tracks_jsonl import Fault, TracksSource, TracksWriter
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.sequence import People, PoseSequence
from pose_track.utils.atomic import atomic_path

_TRACKS = "tracks"


@dataclass(frozen=True, eq=False)
class TrackFile:
    """sequence: all frames; fps: told by the file, None where it does not; fault: why it ends early, if it does."""

    sequence: PoseSequence
    fps: float | None = None
    fault: Fault | None = None


def check_target(path: Path, out: Path, overwrite: bool) -> None:
    """Raises FileNotFoundError where there is no `path`, ValueError where `out` would take its place, and
    FileExistsError where `out` may not be written."""
    if not path.is_file():
        raise FileNotFoundError(f"{str(path)!r} is no file; check the path")
    if out.resolve() == path.resolve():
        raise ValueError(f"{str(out)!r} would take the place of what is read; give another OUT")
    if out.is_dir():
        raise FileExistsError(f"{str(out)!r} is a folder; name a file in it")
    if out.exists() and not overwrite:
        raise FileExistsError(f"{str(out)!r} is there already; give --overwrite or another OUT")


def read_track_file(path: Path) -> TrackFile:
    """All of a tracks.jsonl, a PoseTrack JSON or COCO results; raises ValueError for a file of another kind."""
    if recognise(path) == "mot":
        raise ValueError(f"{str(path)!r} is MOTChallenge text, which has no joints; give the tracks.jsonl it is from")
    source = read_sequence(path)
    if isinstance(source, PoseSequence):
        return TrackFile(source)
    assert isinstance(source, TracksSource)
    return TrackFile(_gathered(source), source.fps, source.fault)


def _gathered(source: TracksSource) -> PoseSequence:
    frames = list(source)
    people = People.joined([People.empty(source.skeleton), *(people for _, people in frames)])
    frame_of = np.repeat(np.arange(len(frames)), [len(people) for _, people in frames])
    return PoseSequence(
        source.name, source.skeleton, tuple(info for info, _ in frames), people, frame_of, _TRACKS, source.more
    )


def write_track_file(file: TrackFile, path: Path, finishing: Mapping[str, Any]) -> None:
    """Write the layout the file was read in; it appears only when it is whole. A tracks.jsonl keeps its header, to
    which `finishing`, the settings of this stage, is added, and the line of its fault."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if file.sequence.layout != _TRACKS:
        FORMATS[file.sequence.layout].write(file.sequence, path)
        return
    header = {**file.sequence.more, "finishing": dict(finishing)}
    with atomic_path(path) as unfinished, TracksWriter(unfinished, header) as writer:
        for info, people in file.sequence:
            assert info.pts_seconds is not None
            poses = people_to_poses(people, file.sequence.skeleton)
            writer.write(TrackedPoses(info.index, info.pts_seconds, poses, people.track_ids))
        if file.fault is not None:
            writer.fault(file.fault.message)
