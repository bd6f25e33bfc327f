"""Linking the poses in files of any program: writes the same files with track ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path, PurePath

import numpy as np

from pose_track.formats.pose_conversion import annotations_to_poses
from pose_track.formats.posetrack.frame_numbers import frame_places
from pose_track.formats.problems import Problems
from pose_track.formats.registry import FORMATS, identify_format, layout_to_write, read_sequence, readable_files
from pose_track.formats.speed_factor import SPEED_KEY, agreed_speed
from pose_track.formats.tracks_jsonl import TrackRecords, read_tracks
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.linking.frames import LinkOptions, LinkResult, RecordedFrame, SequenceLinker
from pose_track.postprocessing.low_joints import drop_low_joints
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.sequence import PoseSequence
from pose_track.tracking.linker import FrameTime
from pose_track.utils.atomic import atomic_path
from pose_track.utils.overwrite import check_not_input, check_overwrite


def parse_fps(text: str, name: str = "fps") -> Fraction:
    """Frames per second from a text such as "25", "29.97" or "30000/1001".

    Raises ValueError, with the `name`, unless it is a number above 0.

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
    """(input, output) paths for a pose file, or for each pose file of a folder; outputs are in the folder `out`.

    Raises FileNotFoundError or ValueError if there is no input or an output would replace it, and FileExistsError if
    an output exists and `overwrite` is off.
    """
    paths = readable_files(pred)
    outputs = [out / path.name for path in paths]
    for output in outputs:
        check_not_input(output, paths)
    check_overwrite(outputs, overwrite)
    return list(zip(paths, outputs, strict=True))


def link_file(path: Path, out: Path, options: LinkOptions, problems: Problems | None = None) -> LinkResult:
    """Link the poses of a file, and write the same people with track ids in the same layout, see `layout_to_write`,
    atomically.

    People without an id are left out; all other values stay to the last digit. Ids in the file are ignored. Frame
    numbers come from `frame_places`, and each video of a file is linked by itself.

    Raises ValueError for a file of another format or with errors (see `Problems`), and for people without joints if
    joints are compared; with images also what `NamedImages` raises.
    """
    problems = problems or Problems()
    out.parent.mkdir(parents=True, exist_ok=True)
    if identify_format(path) == "tracks" and options.skeleton is None:
        return _link_tracks(path, out, options, problems.lenient)
    sequence = read_sequence(path, problems, options.skeleton)
    assert isinstance(sequence, PoseSequence)  # only a tracks.jsonl is read frame by frame
    linked, result = link_sequence(sequence, options)
    FORMATS[layout_to_write(sequence.layout, out)].write(linked, out)
    result.num_problems = len(problems.messages)
    return result


def link_sequence(sequence: PoseSequence, options: LinkOptions) -> tuple[PoseSequence, LinkResult]:
    """The sequence with new track ids, without the people who got none."""
    poses = annotations_to_poses(sequence.people, sequence.skeleton)
    with options.open_images(sequence.name) as images:
        linker = SequenceLinker(options, options.fps, images)
        ids = [frame_ids for _, frame_ids in linker.link(_sequence_frames(sequence, poses, options.fps))]
    people = drop_low_joints(sequence.people, options.min_joint_score)
    people = replace(people, track_ids=np.concatenate([np.zeros(0, np.int64), *ids]))
    keep = np.asarray(people.track_ids > 0)
    linked = replace(sequence, people=people[keep], frame_indices=sequence.frame_indices[keep])
    return linked, linker.result


def _link_tracks(path: Path, out: Path, options: LinkOptions, allow_cut_end: bool) -> LinkResult:
    """`link_file` for a tracks.jsonl, frame by frame. Its fault and its header stay, but for the tracker's settings."""
    header, records = read_tracks(path, allow_cut_end)
    fps = parse_fps(str(header["fps"]), f"{path}: fps").limit_denominator(1001)
    speed_factor = agreed_speed(header, options.tracker.speed_factor, path)
    new_header = {key: value for key, value in header.items() if key != "linked"}
    if speed_factor != 1:
        new_header[SPEED_KEY] = speed_factor
    new_header["settings"] = dict(header["settings"] or {}) | {"tracker": options.tracker.model_dump(mode="json")}
    options = replace(options, tracker=options.tracker.model_copy(update={SPEED_KEY: speed_factor}))
    with ExitStack() as stack:
        images = stack.enter_context(options.open_images(PurePath(str(header["source"])).stem))
        writer = stack.enter_context(TracksWriter(stack.enter_context(atomic_path(out)), new_header))
        linker = SequenceLinker(options, fps, images)
        in_header = header.get("image_names") or []
        for frame, ids in linker.link(_track_frames(records, in_header)):
            poses, keep = drop_low_joints(frame.poses, options.min_joint_score), ids > 0
            time, name = frame.time, "" if in_header else frame.image_name
            writer.write(TrackedPoses(time.index, time.pts_seconds, poses[keep], ids[keep], name))
        for damage in records.damage:
            writer.write_damage(damage.frame, damage.message)
        if records.fault is not None:
            writer.write_fault(records.fault.message)
    return linker.result


def _sequence_frames(sequence: PoseSequence, poses: Poses, fps: Fraction) -> Iterator[RecordedFrame]:
    """The frames of a sequence. poses: of all its people."""
    ends = np.searchsorted(sequence.frame_indices, np.arange(len(sequence) + 1)).tolist()
    for n, (info, place) in enumerate(zip(sequence.frames, frame_places(sequence), strict=True)):
        time = FrameTime(place.frame, float(place.frame / fps))
        yield RecordedFrame(time, poses[np.arange(ends[n], ends[n + 1])], info.image_name, place.video)


def _track_frames(records: TrackRecords, image_names: Sequence[str]) -> Iterator[RecordedFrame]:
    """The frames of a tracks.jsonl. image_names: of all frames; empty where the records have them."""
    for tracked in records:
        index = tracked.frame_index
        name = image_names[index] if index < len(image_names) else tracked.image_name
        yield RecordedFrame(FrameTime(index, tracked.pts_seconds), tracked.poses, name)
