"""Linking poses that come frame by frame, without a detector or an estimator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from pose_track.build.tracker import build_tracker
from pose_track.config.tracker import TrackerSettings
from pose_track.structures.arrays import IntArray
from pose_track.structures.frames import Frame, FrameLike, Poses


def link_poses(
    frames: Iterable[tuple[FrameLike, Poses]], settings: TrackerSettings, fps: Fraction, has_images: bool = False
) -> Iterator[IntArray]:
    """For each frame, in order, the (N,) track ids of its poses; 0 for a pose that is not in the output.

    Results come settings.min_confirm_frames - 1 frames and settings.lookback_seconds late. With `has_images` every
    frame must be a `Frame`.
    """
    tracker = build_tracker(settings, fps, has_images)

    def assigned() -> Iterator[tuple[tuple[FrameLike, Poses], IntArray]]:
        for frame, poses in frames:
            if isinstance(frame, Frame):
                tracker.propose(frame)  # only for the optical flow: without an estimator, boxes are of no use
            yield (frame, poses), tracker.assign(poses, frame)

    return (ids for _, ids in tracker.confirm(assigned()))
