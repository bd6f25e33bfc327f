"""The frames of pose files of other programs, as those of a tracks.jsonl."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from pose_track.formats.pose_conversion import annotations_to_poses
from pose_track.formats.posetrack.frame_numbers import frame_places
from pose_track.structures.arrays import IntArray
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.sequence import PoseSequence

logger = logging.getLogger(__name__)

_LISTS_NO_EMPTY_FRAMES = ("coco", "alphapose")


class SequenceFrames:
    """The frames of a sequence; each iteration starts at the first one.

    fps: frames per second, for frames whose times the file does not state. People without a track id are left out, with
    a warning; where nobody has one, they are numbered within each frame. Raises ValueError for a file with the frames
    of several videos.
    """

    def __init__(self, sequence: PoseSequence, fps: float, path: Path) -> None:
        self._sequence, self._fps = _with_ids(sequence, path), fps
        places = frame_places(sequence) if len(sequence) else []
        if len({place.video for place in places}) > 1:
            raise ValueError(f"{path} holds frames of several videos; give a file with one")
        self._indices = [place.frame for place in places]

    def __iter__(self) -> Iterator[TrackedPoses]:
        sequence, next_index, step = self._sequence, 0, _step(self._sequence, self._indices)
        nobody = annotations_to_poses(sequence.people[:0], sequence.skeleton)
        for (info, people), index in zip(sequence, self._indices, strict=True):
            for missing in range(next_index, index, step) if step else ():
                yield TrackedPoses(missing, missing / self._fps, nobody, np.zeros(0, np.int64))
            poses = annotations_to_poses(people, sequence.skeleton)
            seconds = index / self._fps if info.pts_seconds is None else info.pts_seconds
            yield TrackedPoses(index, seconds, poses, people.track_ids, info.image_name)
            next_index = index + step


def _step(sequence: PoseSequence, indices: list[int]) -> int:
    """From each frame to the next; 0 where the file lists all frames, those without people included."""
    if sequence.layout not in _LISTS_NO_EMPTY_FRAMES or not indices:
        return 0
    return int(np.gcd.reduce([*indices, *np.diff(indices).tolist()])) or 1


def _with_ids(sequence: PoseSequence, path: Path) -> PoseSequence:
    """The sequence with an id for every person."""
    ids, indices = sequence.people.track_ids, sequence.frame_indices
    has_id = ids >= 0
    if not len(ids) or (has_id.all() and ids.min() >= 1):
        return sequence
    if not has_id.any():
        logger.warning("%s has no track ids: people are numbered in each frame anew; see pose-track link", path)
        return replace(sequence, people=replace(sequence.people, track_ids=_numbers(indices)))
    if not has_id.all():
        logger.warning("%s: left out %d people without a track id", path, np.count_nonzero(~has_id))
    people = sequence.people[has_id]
    if people.track_ids.min() < 1:  # ids from 0 on
        people = replace(people, track_ids=people.track_ids + 1)
    return replace(sequence, people=people, frame_indices=indices[has_id])


def _numbers(frame_indices: IntArray) -> IntArray:
    """(N,) each person's number within the frame, from 1. frame_indices: (N,), ascending."""
    return np.arange(len(frame_indices)) - np.searchsorted(frame_indices, frame_indices) + 1
