"""Tracked poses as the prediction for a ground-truth sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pose_track.formats.pose_conversion import tracked_to_annotations
from pose_track.structures.conversion import convert_annotations
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.sequence import PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import Skeleton


def prediction_sequence(
    gt: PoseSequence, tracked: Sequence[TrackedPoses], skeleton: Skeleton | None = None
) -> PoseSequence:
    """The tracked poses with the name, frames, layout and extra fields of `gt`, without its ignore regions.

    tracked: the poses of each frame of `gt`, in the same order. They get the decimals of a `tracks.jsonl`.
    skeleton: the skeleton to convert to; None keeps that of the poses.

    Raises ValueError for another number of frames.
    """
    if len(tracked) != len(gt):
        raise ValueError(f"{gt.name}: expected the poses of {len(gt)} frames, got {len(tracked)}")
    source = tracked[0].poses.skeleton if tracked else gt.skeleton
    skeleton = source if skeleton is None else skeleton
    people = PoseAnnotations.concatenate([PoseAnnotations.empty(source), *map(tracked_to_annotations, tracked)])
    people = convert_annotations(people, source, skeleton)
    frame_indices = np.repeat(np.arange(len(tracked)), [len(poses) for poses in tracked])
    frames = tuple(replace(frame, ignore_regions=()) for frame in gt.frames)
    return PoseSequence(gt.name, skeleton, frames, people, frame_indices, gt.layout, gt.extra)
