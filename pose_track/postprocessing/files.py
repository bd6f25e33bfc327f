"""Reading a whole file of tracks, and writing it back in the same layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pose_track.formats.pose_conversion import annotations_to_poses
from pose_track.formats.registry import FORMATS, TOOLS, identify_format, layout_to_write, read_sequence
from pose_track.formats.speed_factor import SPEED_KEY
from pose_track.formats.tracks_jsonl import DamageRecord, FaultRecord
from pose_track.formats.tracks_source import LAYOUT, TracksSource
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.sequence import PoseSequence
from pose_track.utils.atomic import atomic_path
from pose_track.utils.overwrite import check_not_input, check_output_file, check_overwrite


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
    """Raises ValueError if `out` is the same file as `path`, and FileExistsError if `out` may not be written."""
    if path.is_dir() and not out.suffix:
        check_not_input(out, [path])
        check_overwrite(out, overwrite)
    else:
        check_output_file(out, overwrite, [path])


def read_track_file(path: Path) -> TrackFile:
    """All of a tracks.jsonl, a PoseTrack JSON or COCO results; raises ValueError for a file of another format."""
    if identify_format(path) == "mot":
        raise ValueError(f"{str(path)!r} is MOTChallenge text without joints; give the tracks.jsonl it was made from")
    source = read_sequence(path)
    if isinstance(source, PoseSequence):
        fps = source.extra.get("fps") if source.layout in TOOLS else None
        return TrackFile(source, fps)
    assert isinstance(source, TracksSource)
    return TrackFile(source.read_all(), source.fps, source.fault, tuple(source.damage))


def write_track_file(file: TrackFile, path: Path, settings: Mapping[str, Any]) -> None:
    """Write the file in the layout it was read in, see `layout_to_write`, atomically.

    A tracks.jsonl keeps its header and its fault; the header gets the postprocessing `settings` as "finishing", and the
    speed of the video where they state it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    added = {"finishing": dict(settings)}
    if settings.get(SPEED_KEY) is not None:
        added[SPEED_KEY] = settings[SPEED_KEY]
    if file.sequence.layout != LAYOUT:
        layout, fps = layout_to_write(file.sequence.layout, path), file.fps or settings.get("fps")
        extra = {**file.sequence.extra, **({} if fps is None else {"fps": fps}), **added}
        FORMATS[layout].write(replace(file.sequence, extra=extra) if layout == LAYOUT else file.sequence, path)
        return
    header = {**file.sequence.extra, **added}
    with atomic_path(path) as unfinished, TracksWriter(unfinished, header) as writer:
        for info, people in file.sequence:
            assert info.pts_seconds is not None
            poses = annotations_to_poses(people, file.sequence.skeleton)
            writer.write(TrackedPoses(info.index, info.pts_seconds, poses, people.track_ids, info.image_name))
        for damage in file.damage:
            writer.write_damage(damage.frame, damage.message)
        if file.fault is not None:
            writer.write_fault(file.fault.message)
