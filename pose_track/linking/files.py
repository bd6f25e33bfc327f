"""Identities for the poses in files that any program wrote: files in, the same files with ids out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path, PurePath

import numpy as np

from pose_track.formats.posetrack.frame_numbers import frame_places
from pose_track.formats.problems import Problems
from pose_track.formats.registry import FORMATS, read_sequence, readable_files, recognise
from pose_track.formats.to_poses import people_to_poses
from pose_track.formats.tracks_jsonl import TrackRecords, TracksWriter, read_tracks
from pose_track.linking.frames import Linked, Linking, LinkRun, Listed
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.sequence import PoseSequence
from pose_track.tracking.tracker import FrameTime
from pose_track.utils.atomic import atomic_path


def parse_fps(text: str, name: str = "fps") -> Fraction:
    """Frames per second as in "25", "29.97" or "30000/1001". Raises ValueError with the `name` for what is no number
    above 0.

    >>> parse_fps("29.97")
    Fraction(2997, 100)
    """
    try:
        fps = Fraction(text)
    except (ValueError, ZeroDivisionError):
        fps = Fraction(0)
    if fps <= 0:
        raise ValueError(f"{name} must be a number above 0, such as 25 or 30000/1001, got {text!r}")
    return fps


def link_jobs(pred: Path, out: Path, overwrite: bool = False) -> list[tuple[Path, Path]]:
    """What to read and what to write: for a file, or each in a folder that may be one of poses, one of the same name in
    the folder `out`.

    Raises FileNotFoundError or ValueError where there is nothing to read, or it would be written to, and
    FileExistsError where what is there already may not be overwritten.
    """
    paths = readable_files(pred)
    if out.resolve() == paths[0].resolve().parent:
        raise ValueError(f"{str(out)!r} is the folder that is read; give another --out")
    there = [out / path.name for path in paths if (out / path.name).exists()]
    if there and not overwrite:
        raise FileExistsError(f"{str(there[0])!r} is there already; give --overwrite or another --out")
    return [(path, out / path.name) for path in paths]


def link_file(path: Path, out: Path, linking: Linking, problems: Problems | None = None) -> Linked:
    """Read poses, link them, and write the same people with ids in the same layout; `out` appears only when it is
    whole.

    Whoever gets no id is left out; all else stays to the last digit. Ids that the file had do not count. What counts as
    a frame, and as a video, of which each is linked by itself: see `frame_places`. Raises ValueError for a file of
    another kind or with faults (see `Problems`), for people without any joint where joints are compared, and
    otherwise what `NamedImages` does.
    """
    problems = problems or Problems()
    out.parent.mkdir(parents=True, exist_ok=True)
    if recognise(path) == "tracks" and linking.skeleton is None:
        return _link_tracks(path, out, linking, problems.lenient)
    sequence = read_sequence(path, problems, linking.skeleton)
    assert isinstance(sequence, PoseSequence)  # only tracks are read as they go
    linked, done = link_sequence(sequence, linking)
    FORMATS[sequence.layout].write(linked, out)
    done.faults = len(problems.messages)
    return done


def link_sequence(sequence: PoseSequence, linking: Linking) -> tuple[PoseSequence, Linked]:
    """The same with ids in place of those it had, without the people who got none; and what came of it."""
    poses = people_to_poses(sequence.people, sequence.skeleton)
    with linking.open_pictures(sequence.name) as images:
        run = LinkRun(linking, linking.fps, images)
        ids = [found for _, found in run.linked(_frames(sequence, poses, linking.fps))]
    people, low = sequence.people, linking.too_low(poses)
    people = replace(
        people,
        joints=np.where(low[..., None], np.nan, people.joints),
        joint_scores=np.where(low, np.nan, people.joint_scores),
        track_ids=np.concatenate([np.zeros(0, np.int64), *ids]),
    )
    kept = np.asarray(people.track_ids > 0)
    return replace(sequence, people=people[kept], frame_of=sequence.frame_of[kept]), run.done


def _link_tracks(path: Path, out: Path, linking: Linking, allow_cut_end: bool) -> Linked:
    """The same of a tracks.jsonl, whose frames are read and written one after the other. Its header stays, but for what
    it says of the tracker, and so does a fault."""
    header, records = read_tracks(path, allow_cut_end)
    fps = parse_fps(str(header["fps"]), f"{path}: fps").limit_denominator(1001)
    told = {key: value for key, value in header.items() if key != "linked"}
    told["settings"] = dict(header["settings"] or {}) | {"tracker": linking.tracker.model_dump(mode="json")}
    with ExitStack() as stack:
        images = stack.enter_context(linking.open_pictures(PurePath(str(header["source"])).stem))
        writer = stack.enter_context(TracksWriter(stack.enter_context(atomic_path(out)), told))
        run = LinkRun(linking, fps, images)
        for frame, ids in run.linked(_recorded(records, header.get("image_names") or [])):
            poses, kept = linking.without_low(frame.poses), ids > 0
            writer.write(TrackedPoses(frame.time.index, frame.time.pts_seconds, poses[kept], ids[kept]))
        if records.fault is not None:
            writer.fault(records.fault.message)
    return run.done


def _frames(sequence: PoseSequence, poses: Poses, fps: Fraction) -> Iterator[Listed]:
    """The frames of a sequence. poses: of all its people."""
    ends = np.searchsorted(sequence.frame_of, np.arange(len(sequence) + 1)).tolist()
    for n, (info, place) in enumerate(zip(sequence.frames, frame_places(sequence), strict=True)):
        time = FrameTime(place.frame, float(place.frame / fps))
        yield Listed(time, poses[np.arange(ends[n], ends[n + 1])], info.image_name, place.video)


def _recorded(records: TrackRecords, image_names: Sequence[str]) -> Iterator[Listed]:
    """The frames of a tracks.jsonl. image_names: of all frames, or empty."""
    for tracked in records:
        index = tracked.frame_index
        name = image_names[index] if index < len(image_names) else ""
        yield Listed(FrameTime(index, tracked.pts_seconds), tracked.poses, name)
