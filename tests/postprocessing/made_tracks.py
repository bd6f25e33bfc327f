"""Tracks for the tests of finishing: made ones, and true ones with what a tracker does to them."""

from dataclasses import replace

import numpy as np
from shared_data import shared

from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.postprocessing.tracks import track_rows, usual_size
from pose_track.structures.sequence import FrameInfo, People, PoseSequence
from pose_track.structures.skeleton import LSP_14

FPS = 25.0
# a standing body of 100 pixels
BODY = np.stack([20 * np.sin(np.arange(14.0)), np.linspace(0, 100, 14)], axis=1)


def walker(places, start=(0.0, 0.0), velocity=(60.0, 0.0), track_id=1, score=0.8, fps=FPS):
    """One person, in the frames at `places`, moving at so many pixels a second: (places, people)."""
    places = np.asarray(places, np.int64)
    at = np.array(start) + places[:, None] / fps * np.array(velocity)
    n = len(places)
    return places, People.of(
        BODY + at[:, None],
        np.full((n, 14), score),
        scores=np.full(n, score),
        boxes=np.concatenate([at - 20, at + np.array((20, 100))], axis=1),
        track_ids=np.full(n, track_id),
        more=np.array([{"source": "detector"}] * n, object),
    )


def together(num_frames, *walkers, fps=FPS):
    """A sequence of these people."""
    parts = [People.empty(LSP_14), *(people for _, people in walkers)]
    people = People(*(np.concatenate([getattr(p, name) for p in parts]) for name in People.__dataclass_fields__))
    frame_of = np.concatenate([np.zeros(0, np.int64), *(places for places, _ in walkers)])
    order = np.argsort(frame_of, kind="stable")
    frames = tuple(FrameInfo(index, pts_seconds=index / fps) for index in range(num_frames))
    return PoseSequence("made", LSP_14, frames, people[order], frame_of[order])


def seconds(sequence, fps=FPS):
    return np.arange(len(sequence)) / fps


def sizes(sequence):
    """(N,) the usual size of each person's track."""
    out = np.ones(len(sequence.people))
    for rows in track_rows(sequence).values():
        out[rows] = usual_size(sequence.people.joints[rows])
    return out


def jittered(sequence, share, seed=0):
    """The same with noise of that standard deviation, in body sizes, on each coordinate."""
    noise = np.random.default_rng(seed).normal(0, share, sequence.people.joints.shape)
    joints = sequence.people.joints + noise * sizes(sequence)[:, None, None]
    return replace(sequence, people=replace(sequence.people, joints=joints))


def true_sequences(count=6):
    """Annotated people of real videos."""
    return [read_posetrack(path) for path in sorted(shared("data/mpposetrack_gt").glob("*.json"))[6 : 6 + count]]


def error(found, truth):
    """Mean distance of joints, in body sizes, that both have."""
    apart = np.hypot(*np.moveaxis(found.people.joints - truth.people.joints, -1, 0)) / sizes(truth)[:, None]
    return float(np.nanmean(apart))


def ids(sequence):
    return sorted(set(sequence.people.track_ids.tolist()))
