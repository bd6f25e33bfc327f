"""What is remembered of people from frame to frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tracking.made_people import GREEN, RED, SIZE, standing, together, tracks_of

from pose_track.structures.skeleton import COCO_17
from pose_track.tracking.tracks import EXTRAPOLATION, Tracks


def test_nobody() -> None:
    empty = Tracks.empty(COCO_17, 3)
    assert len(empty) == len(empty.missed()) == len(empty.seen(standing(), 1, 0.1)) == 0
    assert empty.warped.shape == (0, 3, 17, 2)
    assert empty.expected_move(1.0).shape == (0, 2)


def test_the_last_poses_are_carried_latest_first() -> None:
    tracks = tracks_of(standing(0), num_carried=3).seen(standing(10), 1, 0.1).missed().seen(standing(30), 3, 0.3)
    first_joint = tracks.warped[0, :, 0, 0] - standing(0).joints[0, 0, 0]
    np.testing.assert_allclose(first_joint[[0, 2]], [30, 10], atol=1e-4)
    assert (tracks.warped_scores[0, :, 0] > 0).tolist() == [True, False, True]


def test_the_area_forgets_larger_boxes_slowly() -> None:
    tracks = tracks_of(standing(0))
    for _ in range(3):
        tracks = tracks.seen(standing(0, scale=0.5), 1, 0.1)
    np.testing.assert_allclose(tracks.areas, [0.9**3 * SIZE**2])
    np.testing.assert_allclose(tracks.seen(standing(0, scale=2), 2, 0.2).areas, [4 * SIZE**2])


def test_a_detector_and_the_flow_are_counted_apart() -> None:
    flow, detected = standing(0, score=0.3, source="flow"), standing(0, score=0.8)
    tracks = tracks_of(detected)
    counts = []
    for index, poses in enumerate((flow, flow, detected, flow), start=1):
        tracks = tracks.seen(poses, index, index / 10)
        counts.append((tracks.num_seen.item(), tracks.num_flow.item(), round(tracks.scores.item(), 3)))
    assert counts == [(1, 1, 0.8), (1, 2, 0.8), (2, 0, 0.8), (2, 1, 0.8)]
    assert tracks.last_index.tolist() == [4]


def test_steps_are_those_of_the_joints_known_before_and_now() -> None:
    """An arm appears and a leg vanishes: the rest went by (6, 8)."""
    before, now = standing(0), standing((6, 8))
    before.joint_scores[0, 5:8] = 0.1
    now.joint_scores[0, 13:] = 0.1
    now.joints[0, 13:] += 500
    now.boxes[0] += 100
    tracks = tracks_of(before)
    np.testing.assert_allclose(tracks.seen(now, 1, 0.1).anchor - tracks.anchor, [[6, 8]], atol=1e-3)


def test_who_is_unseen_is_expected_further_on_for_a_while() -> None:
    tracks = tracks_of(standing(0))
    for index in range(1, 31):
        tracks = tracks.seen(standing((20 * index, -10 * index)), index, index / 10)
    for unseen in (0.0, 0.2, EXTRAPOLATION, 9.0):
        move = np.array([[200, -100]]) * min(unseen, EXTRAPOLATION)
        np.testing.assert_allclose(tracks.missed().expected_move(3 + unseen), move, atol=0.1)


def test_where_somebody_was_seen_is_believed_in_part() -> None:
    tracks = tracks_of(standing(0))
    for index in range(1, 30):
        tracks = tracks.seen(standing(0), index, index / 10)
    tracks = tracks.seen(standing(10), 30, 3.0)
    np.testing.assert_allclose(tracks.expected_move(3.0), tracks.motion.position - tracks.anchor, rtol=1e-6)
    assert -9 < tracks.expected_move(3.0)[0, 0] < -0.1


def test_looks_are_remembered() -> None:
    tracks = tracks_of(standing(0, 300, appearance=[RED, GREEN]))
    tracks = tracks.seen(standing(0, 300, appearance=[GREEN, GREEN]), 1, 0.1)
    assert 0.8 < tracks.appearance.features[0, 0, 0] < 1
    np.testing.assert_allclose(tracks.appearance.features[1, :, 1], 1, rtol=1e-6)


@pytest.mark.parametrize("odd", ["no box", "no joints", "a point"])
def test_degenerate_people_leave_numbers(odd: str) -> None:
    poses = together(standing(0), standing(0))
    if odd == "no box":
        poses.boxes[:] = 0
    if odd == "no joints":
        poses.joint_scores[:] = 0
    if odd == "a point":
        poses.joints[:] = 5
    tracks = tracks_of(poses).seen(replace(poses, boxes=poses.boxes + 1), 1, 0.1).missed()
    for array in (tracks.areas, tracks.anchor, tracks.motion.position, tracks.motion.velocity, tracks.warped):
        assert np.isfinite(array).all()
    assert np.isfinite(tracks.expected_move(5.0)).all()
