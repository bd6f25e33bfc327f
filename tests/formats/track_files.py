"""Tracks files for tests."""

import numpy as np

from pose_track.formats.tracks_writer import TracksWriter
from pose_track.structures.frames import Poses, TrackedPoses


def header(skeleton, source="clip.mp4"):
    return {
        "version": "0.0.1",
        "source": source,
        "fps": 25.0,
        "width": 640,
        "height": 480,
        "skeleton": skeleton.name,
        "joint_names": list(skeleton.joint_names),
        "settings": {"tracker": {"buffer_frames": 30}},
        "weights": {"pose": "none"},
    }


def frame(skeleton, index, ids):
    """Random people; every third joint is absent."""
    rng = np.random.default_rng([index, *ids])
    n, k = len(ids), skeleton.num_joints
    scores = rng.uniform(0.01, 1, (n, k))
    scores[:, index % 3 :: 3] = 0
    corners = rng.uniform(0, 300, (n, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(1, 300, (n, 2))], axis=1)
    sources = np.where(np.arange(n) % 2, "flow", "detector")
    poses = Poses(rng.uniform(-20, 700, (n, k, 2)), scores, boxes, rng.uniform(0, 1, n), skeleton, sources)
    return TrackedPoses(index, index / 25, poses, np.array(ids, np.int64))


def write_tracks(path, skeleton, people, source="clip.mp4", fault=None):
    """Write a frame for each list of track ids in `people`; returns the frames."""
    frames = [frame(skeleton, index, ids) for index, ids in enumerate(people)]
    with TracksWriter(path, header(skeleton, source)) as writer:
        for tracked in frames:
            writer.write(tracked)
        if fault is not None:
            writer.write_fault(fault)
    return frames
