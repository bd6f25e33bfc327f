"""The people of tracked frames, each over time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pose_track.analysis.trajectory import Trajectory
from pose_track.structures.frames import TrackedPoses


def trajectories(frames: Iterable[TrackedPoses]) -> list[Trajectory]:
    """A trajectory for each track id, by ascending id. In frames between a person's first and last in which they were
    not found, all joints are absent.

    frames: by ascending index and time, such as those of `open_result` or `read_tracks`.
    """
    frames = list(frames)
    places: dict[int, list[tuple[int, int]]] = {}  # frame and row of each person
    for place, tracked in enumerate(frames):
        for row, track_id in enumerate(tracked.track_ids.tolist()):
            places.setdefault(track_id, []).append((place, row))
    return [_trajectory(track_id, places[track_id], frames) for track_id in sorted(places)]


def _trajectory(track_id: int, places: list[tuple[int, int]], frames: list[TrackedPoses]) -> Trajectory:
    first, last = places[0][0], places[-1][0]
    span = frames[first : last + 1]
    skeleton = span[0].poses.skeleton
    joints = np.full((len(span), skeleton.num_joints, 2), np.nan)
    scores = np.zeros((len(span), skeleton.num_joints))
    for place, row in places:
        poses = frames[place].poses
        present = poses.joint_scores[row] > 0
        scores[place - first] = poses.joint_scores[row]
        joints[place - first] = np.where(present[:, None], poses.joints[row], np.nan)
    frame_indices = np.array([tracked.frame_index for tracked in span])
    seconds = np.array([tracked.pts_seconds for tracked in span], np.float64)
    return Trajectory(track_id, frame_indices, seconds, joints, scores, skeleton)
