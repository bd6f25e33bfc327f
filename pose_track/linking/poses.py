"""Linking poses that come frame by frame, without a detector or an estimator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from pose_track.build.tracker import build_tracker
from pose_track.config.tracker import TrackerSettings
from pose_track.structures.frames import Frame, IntArray, Poses
from pose_track.tracking.tracker import Timed


def link_poses(
    frames: Iterable[tuple[Timed, Poses]], settings: TrackerSettings, fps: Fraction, has_images: bool = False
) -> Iterator[IntArray]:
    """For each frame, in order, the (N,) ids of its poses; 0 for one that is not in the output.

    Results come settings.min_confirm_frames - 1 frames late. With `has_images` every frame must be a `Frame`.
    """
    tracker = build_tracker(settings, fps, has_images)

    def linked() -> Iterator[tuple[None, IntArray]]:
        for frame, poses in frames:
            if isinstance(frame, Frame):
                tracker.propose(frame)  # for the flow; nobody is there to look at the boxes
            yield None, tracker.assign(poses, frame)

    return (ids for _, ids in tracker.confirmed(linked()))
