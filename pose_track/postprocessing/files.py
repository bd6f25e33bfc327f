"""Reading a whole file of tracks, and writing it back in the same layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pose_track.formats.pose_conversion import annotations_to_poses
from pose_track.formats.registry import FORMATS, identify_format, read_sequence
from pose_track.formats.tracks_jsonl import DamageRecord, FaultRecord
from pose_track.formats.tracks_source import LAYOUT, TracksSource
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.sequence import PoseSequence
from pose_track.utils.atomic import atomic_path
from pose_track.utils.overwrite import check_output_file


@dataclass(frozen=True, eq=False)
class TrackFile:
    """A file of tracks.

    sequence: all its frames.
    fps: frame rate in the file, None if it has none.
    fault: why a tracks.jsonl ends early, if it does.
    damage: what was damaged in its video.
    """

    sequence: PoseSequence
    fps: float | None = None
    fault: FaultRecord | None = None
    damage: tuple[DamageRecord, ...] = ()


def check_paths(path: Path, out: Path, overwrite: bool) -> None:
    """Raises FileNotFoundError if there is no file `path`, ValueError if `out` is the same file, and FileExistsError
    if `out` may not be written."""
    if not path.is_file():
        raise FileNotFoundError(f"{str(path)!r} is not a file; check the path")
    check_output_file(out, overwrite, [path])


def read_track_file(path: Path) -> TrackFile:
    """All of a tracks.jsonl, a PoseTrack JSON or COCO results; raises ValueError for a file of another format."""
    if identify_format(path) == "mot":
        raise ValueError(f"{str(path)!r} is MOTChallenge text without joints; give the tracks.jsonl it was made from")
    source = read_sequence(path)
    if isinstance(source, PoseSequence):
        return TrackFile(source)
    assert isinstance(source, TracksSource)
    return TrackFile(source.read_all(), source.fps, source.fault, tuple(source.damage))


def write_track_file(file: TrackFile, path: Path, settings: Mapping[str, Any]) -> None:
    """Write the file in the layout it was read in, atomically.

    A tracks.jsonl keeps its header and its fault; the header gets the postprocessing `settings` as "finishing".
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if file.sequence.layout != LAYOUT:
        FORMATS[file.sequence.layout].write(file.sequence, path)
        return
    header = {**file.sequence.extra, "finishing": dict(settings)}
    with atomic_path(path) as unfinished, TracksWriter(unfinished, header) as writer:
        for info, people in file.sequence:
            assert info.pts_seconds is not None
            poses = annotations_to_poses(people, file.sequence.skeleton)
            writer.write(TrackedPoses(info.index, info.pts_seconds, poses, people.track_ids, info.image_name))
        for damage in file.damage:
            writer.write_damage(damage.frame, damage.message)
        if file.fault is not None:
            writer.write_fault(file.fault.message)
