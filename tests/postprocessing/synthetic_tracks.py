"""Tracks for the tests of postprocessing: synthetic ones, and annotated ones with added jitter."""

from dataclasses import replace

import numpy as np
from shared_data import shared

from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.postprocessing.tracks import median_body_size, track_rows
from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import LSP_14

FPS = 25.0
# A standing body, 100 pixels high.
BODY = np.stack([20 * np.sin(np.arange(14.0)), np.linspace(0, 100, 14)], axis=1)


def walker(places, start=(0.0, 0.0), velocity=(60.0, 0.0), track_id=1, score=0.8, fps=FPS):
    """(frame indices, people) of one person in the frames `places`; velocity: pixels a second."""
    places = np.asarray(places, np.int64)
    positions = np.array(start) + places[:, None] / fps * np.array(velocity)
    n = len(places)
    return places, PoseAnnotations.from_joints(
        BODY + positions[:, None],
        np.full((n, 14), score),
        scores=np.full(n, score),
        boxes=np.concatenate([positions - 20, positions + np.array((20, 100))], axis=1),
        track_ids=np.full(n, track_id),
        extra=np.array([{"source": "detector"}] * n, object),
    )


def sequence_of(num_frames, *walkers, fps=FPS):
    """A sequence with these people."""
    people = PoseAnnotations.concatenate([PoseAnnotations.empty(LSP_14), *(people for _, people in walkers)])
    frame_indices = np.concatenate([np.zeros(0, np.int64), *(places for places, _ in walkers)])
    order = np.argsort(frame_indices, kind="stable")
    frames = tuple(FrameInfo(index, pts_seconds=index / fps) for index in range(num_frames))
    return PoseSequence("synthetic", LSP_14, frames, people[order], frame_indices[order])


def broken_tracks():
    """Track 1 with a gap, which continues as track 2, and track 3 of two frames."""
    places = [*range(15), *range(18, 30)]
    return sequence_of(60, walker(places), walker(range(35, 50), track_id=2), walker([5, 6], (300, 0), track_id=3))


def seconds(sequence, fps=FPS):
    return np.arange(len(sequence)) / fps


def track_sizes(sequence):
    """(N,) the median body size of each person's track."""
    sizes = np.ones(len(sequence.people))
    for rows in track_rows(sequence).values():
        sizes[rows] = median_body_size(sequence.people.joints[rows])
    return sizes


def jittered(sequence, deviation, seed=0):
    """The sequence with Gaussian noise on each coordinate; deviation: in body sizes."""
    noise = np.random.default_rng(seed).normal(0, deviation, sequence.people.joints.shape)
    joints = sequence.people.joints + noise * track_sizes(sequence)[:, None, None]
    return replace(sequence, people=replace(sequence.people, joints=joints))


def annotated_sequences(count=6):
    """Annotated people of real videos."""
    return [read_posetrack(path) for path in sorted(shared("data/mpposetrack_gt").glob("*.json"))[6 : 6 + count]]


def mean_error(predicted, gt):
    """Mean distance, in body sizes, of the joints in both."""
    distances = np.hypot(*np.moveaxis(predicted.people.joints - gt.people.joints, -1, 0))
    return float(np.nanmean(distances / track_sizes(gt)[:, None]))


def track_ids(sequence):
    return sorted(set(sequence.people.track_ids.tolist()))
