"""Sequences as an annotation tool would have them."""

import numpy as np

from pose_track.formats.person_tracks import PersonTrack, sequence_of_tracks
from pose_track.structures.skeleton import COCO_17

SIZE = {"width": 640, "height": 480, "fps": 25.0, "source": "clip.mp4"}


def walk(track_id, frames, skeleton=COCO_17, start=100.0, seed=0):
    """A person who walks to the right. Some joints are absent, some hidden; positions have two decimals."""
    rng = np.random.default_rng([seed, track_id])
    frames = np.array(list(frames), np.int64)
    body = rng.uniform(0, 150, (skeleton.num_joints, 2))
    joints = np.round(body + start + np.stack([3 * frames, frames * 0], axis=1)[:, None], 2)
    flags = np.full(joints.shape[:2], 2, np.int8)
    flags[:, 1] = 1
    flags[::2, 3] = 0
    joints[flags == 0] = np.nan
    return PersonTrack(track_id, frames, joints, flags)


def annotated(skeleton=COCO_17, num_frames=30, extra=SIZE):
    """Person 2 in frames 0 to 19, person 7 in 5 to 9 and 15 to 29, and frames without people if there are more."""
    tracks = [walk(2, range(20), skeleton), walk(7, [*range(5, 10), *range(15, 30)], skeleton, start=250)]
    return sequence_of_tracks("clip", skeleton, num_frames, tracks, extra=extra)


def assert_same_people(a, b, flags=True, decimals=2):
    """Two sequences have the same frames, ids and joints."""
    assert a.skeleton == b.skeleton
    assert [frame.index for frame in a.frames] == [frame.index for frame in b.frames]
    rows_a, rows_b = (np.lexsort((one.people.track_ids, one.frame_indices)) for one in (a, b))
    np.testing.assert_array_equal(a.frame_indices[rows_a], b.frame_indices[rows_b])
    np.testing.assert_array_equal(a.people.track_ids[rows_a], b.people.track_ids[rows_b])
    np.testing.assert_allclose(a.people.joints[rows_a], b.people.joints[rows_b], rtol=0, atol=0.51 * 10**-decimals)
    if flags:
        np.testing.assert_array_equal(a.people.flags[rows_a], b.people.flags[rows_b])
