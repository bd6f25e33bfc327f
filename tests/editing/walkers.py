"""Results of three people who walk beside each other, for tests of editing."""

import numpy as np
from formats.track_files import header

from pose_track.formats.tracks_writer import TracksWriter
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.skeleton import COCO_17

FPS = 25
NUM_FRAMES = 40


def walkers(ids_at, num_frames=NUM_FRAMES):
    """TrackedPoses by frame. ids_at: from a frame to the ids of the three walkers, 0 for one who is not there."""
    frames = []
    for index in range(num_frames):
        ids = np.array(ids_at(index), np.int64)
        corners = np.array([[10 + 2 * index, 20], [200 + 2 * index, 20], [400 - index, 20]], float)
        boxes = np.concatenate([corners, corners + np.array([60, 160])], axis=1)
        shares = np.stack([np.linspace(0.1, 0.9, 17), np.linspace(0, 1, 17)], axis=1)
        joints = corners[:, None] + shares * [60, 160]
        scores = np.array([0.9, 0.8, 0.7])
        poses = Poses(joints, np.full((3, 17), 0.5), boxes, scores, COCO_17)
        there = ids > 0
        frames.append(TrackedPoses(index, index / FPS, poses[there], ids[there]))
    return frames


def write_walkers(path, ids_at, **fields):
    """Write a tracks.jsonl. fields: of the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with TracksWriter(path, header(COCO_17) | fields) as writer:
        for tracked in walkers(ids_at):
            writer.write(tracked)
    return path


def ids_by_frame(frames):
    return [tracked.track_ids.tolist() for tracked in frames]
