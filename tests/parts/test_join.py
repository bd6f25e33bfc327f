"""Records of parts become those of the whole video."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pose_track.parts.join import join_records, match_ids
from pose_track.parts.plan import Split
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.skeleton import POSETRACK_15

SPLITS = [Split(0, 0, 12), Split(5, 10, 20)]


def record(frame: int, people: dict[int, float]) -> TrackedPoses:
    """people: by track id, where they stand, in pixels from the left."""
    k = POSETRACK_15.num_joints
    left = np.array(list(people.values()), np.float32).reshape(-1, 1)
    boxes = np.concatenate([left, left * 0, left + 40, left * 0 + 100], axis=1)
    joints = boxes[:, None, :2] + np.linspace(0, 1, k)[None, :, None] * [40, 100]
    n = len(people)
    poses = Poses(joints, np.full((n, k), 0.9), boxes, np.full(n, 0.9), POSETRACK_15)
    return TrackedPoses(frame, frame / 10, poses, np.array(list(people), np.int64))


def ids(records: Sequence[TrackedPoses]) -> list[dict[int, float]]:
    return [dict(zip(r.track_ids.tolist(), r.poses.boxes[:, 0].tolist(), strict=True)) for r in records]


def test_people_keep_their_ids_over_a_seam() -> None:
    first = [record(n, {1: 100 + n, 2: 300}) for n in range(12)]
    second = [record(n, {1: 300, 2: 100 + n}) for n in range(5, 20)]
    joined = list(join_records(SPLITS, [first, second]))
    assert [r.frame_index for r in joined] == list(range(20))
    assert ids(joined) == [{1: 100 + n, 2: 300} for n in range(20)]


def test_whoever_comes_after_the_seam_gets_the_next_id() -> None:
    first = [record(n, {1: 100, 2: 300} if n < 8 else {1: 100}) for n in range(12)]
    second = [record(n, {7: 100} if n < 15 else {7: 100, 9: 300}) for n in range(5, 20)]
    assert ids(list(join_records(SPLITS, [first, second])))[15] == {1: 100, 3: 300}


def test_whoever_is_seen_in_the_overlap_only_once_is_known_again() -> None:
    first = [record(n, {1: 100} if n in (0, 6) else {}) for n in range(12)]
    second = [record(n, {4: 100} if n in (6, 15) else {}) for n in range(5, 20)]
    assert ids(list(join_records(SPLITS, [first, second])))[15] == {1: 100}


def test_the_last_common_frame_decides() -> None:
    """The later part follows one person where the earlier one exchanged two."""
    before = [record(n, {1: 100, 2: 300} if n < 7 else {2: 100, 1: 300}) for n in range(5, 10)]
    after = [record(n, {1: 100, 2: 300}) for n in range(5, 10)]
    assert match_ids(before, after) == {1: 2, 2: 1}


def test_two_people_at_different_places_are_not_one() -> None:
    assert match_ids([record(0, {1: 100})], [record(0, {1: 160})]) == {}


def test_three_parts() -> None:
    splits = [Split(0, 0, 12), Split(5, 10, 22), Split(15, 20, 30)]
    parts = [
        [record(n, {1 + s: 100 + n, 2 + s: 300}) for n in range(split.start, split.stop)]
        for s, split in enumerate(splits)
    ]
    assert ids(list(join_records(splits, parts))) == [{1: 100 + n, 2: 300} for n in range(30)]


def test_a_video_without_people() -> None:
    parts = [[record(n, {}) for n in range(split.start, split.stop)] for split in SPLITS]
    assert [len(r) for r in join_records(SPLITS, parts)] == [0] * 20
