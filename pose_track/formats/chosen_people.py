"""The chosen people of a pose file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from pose_track.formats.pose_conversion import annotations_to_poses
from pose_track.selection.choice import Choice
from pose_track.structures.arrays import BoolArray
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.sequence import FrameInfo, FrameSource, PoseAnnotations, PoseSequence


class ChosenPeople:
    """The frames of a source with the chosen people. People without a track id are left out, and ids are those of
    `open_result`: where a file counts from 0, they are one higher than in it.

    Iterating raises ValueError as `Choice` does.
    """

    def __init__(self, source: FrameSource, choice: Choice) -> None:
        self._source, self._choice = source, choice
        self.name, self.skeleton, self.extra = source.name, source.skeleton, source.extra
        self.layout: str = getattr(source, "layout", "")

    def __iter__(self) -> Iterator[tuple[FrameInfo, PoseAnnotations]]:
        for (info, people), keep in zip(self._source, self.masks(), strict=True):
            yield info, people[keep]

    def masks(self) -> Iterator[BoolArray]:
        """For each frame, (N,) which of its people are chosen."""
        frames = _TrackedFrames(self._source)
        for (_, people), chosen in zip(self._source, self._choice(frames), strict=True):
            yield np.isin(people.track_ids + frames.shift, chosen.track_ids)


def chosen_sequence(sequence: PoseSequence, choice: Choice) -> PoseSequence:
    """All frames of a sequence with the chosen people, as `ChosenPeople`."""
    masks = list(ChosenPeople(sequence, choice).masks())
    keep = np.concatenate([np.zeros(0, bool), *masks])
    return replace(sequence, people=sequence.people[keep], frame_indices=sequence.frame_indices[keep])


class _TrackedFrames:
    """The people of a source who have a track id. Each iteration starts at the first frame.

    shift: what is added to ids, so that they start at 1.
    """

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        ids = source.people.track_ids if isinstance(source, PoseSequence) else np.ones(1, np.int64)
        self.shift = int((ids == 0).any())

    def __iter__(self) -> Iterator[TrackedPoses]:
        for info, people in self._source:
            people = people[people.track_ids + self.shift >= 1]
            poses = annotations_to_poses(people, self._source.skeleton)
            yield TrackedPoses(info.index, info.pts_seconds or 0.0, poses, people.track_ids + self.shift)
