"""Two people over five frames, for formats that hold motion."""

import numpy as np

from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import COCO_17

FPS = 50.0


def moving_people(skeleton=COCO_17, with_ids=(3, 7)):
    """Person 3 in frames 0 to 4, person 7 in frames 1 and 3; some joints are absent, and all differ."""
    rng = np.random.default_rng(5)
    rows = sorted([(frame, with_ids[0]) for frame in range(5)] + [(1, with_ids[1]), (3, with_ids[1])])
    joints = rng.uniform(10, 600, (len(rows), skeleton.num_joints, 2)).round(2)
    scores = rng.uniform(0.1, 1, joints.shape[:2]).round(4)
    joints[2, 4], scores[2, 4] = np.nan, np.nan
    joints[:, 6], scores[:, 6] = np.nan, np.nan  # of nobody
    people = PoseAnnotations.from_joints(joints, scores, track_ids=np.array([person for _, person in rows]))
    infos = tuple(FrameInfo(index, pts_seconds=index / FPS) for index in range(5))
    frames = np.array([frame for frame, _ in rows])
    return PoseSequence("clip", skeleton, infos, people, frames, "", {"fps": FPS, "width": 640, "height": 480})


def by_name(sequence):
    """{(frame, id): {joint: (x, y)}} of the present joints."""
    found = {}
    for info, people in sequence:
        for track_id, joints in zip(people.track_ids.tolist(), people.joints, strict=True):
            named = zip(sequence.skeleton.joint_names, joints.tolist(), strict=True)
            found[info.index, track_id] = {name: tuple(xy) for name, xy in named if xy[0] == xy[0]}
    return found


def assert_same_motion(read, expected, tolerance=0.0):
    """The same people have the same joints at the same places."""
    read, expected = by_name(read), by_name(expected)
    assert read.keys() == expected.keys()
    for key, joints in expected.items():
        assert read[key].keys() == joints.keys(), key
        for name, position in joints.items():
            np.testing.assert_allclose(read[key][name], position, rtol=0, atol=tolerance)
