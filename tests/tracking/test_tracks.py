"""The state of tracks from frame to frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tracking.synthetic_people import GREEN, RED, SIZE, concatenate_poses, people_at, start_tracks

from pose_track.structures.skeleton import COCO_17
from pose_track.tracking.tracks import MAX_EXTRAPOLATION, Tracks


def test_no_tracks() -> None:
    empty = Tracks.empty(COCO_17, 3)
    assert len(empty) == len(empty.mark_missed()) == len(empty.update(people_at(), 0.1)) == 0
    assert empty.warped.shape == (0, 3, 17, 2)
    assert empty.predicted_displacement(1.0).shape == (0, 2)


def test_warped_poses_are_latest_first() -> None:
    tracks = (
        start_tracks(people_at(0), warped_frames=3).update(people_at(10), 0.1).mark_missed().update(people_at(30), 0.3)
    )
    first_joint = tracks.warped[0, :, 0, 0] - people_at(0).joints[0, 0, 0]
    np.testing.assert_allclose(first_joint[[0, 2]], [30, 10], atol=1e-4)
    assert (tracks.warped_scores[0, :, 0] > 0).tolist() == [True, False, True]


def test_a_larger_area_decays_slowly() -> None:
    tracks = start_tracks(people_at(0))
    for _ in range(3):
        tracks = tracks.update(people_at(0, scale=0.5), 0.1)
    np.testing.assert_allclose(tracks.areas, [0.9**3 * SIZE**2])
    np.testing.assert_allclose(tracks.update(people_at(0, scale=2), 0.2).areas, [4 * SIZE**2])


def test_detections_and_flow_frames_are_counted_separately() -> None:
    flow, detected = people_at(0, score=0.3, source="flow"), people_at(0, score=0.8)
    tracks = start_tracks(detected)
    counts = []
    for index, poses in enumerate((flow, flow, detected, flow), start=1):
        tracks = tracks.update(poses, index / 10)
        counts.append((tracks.num_detections.item(), tracks.num_flow_frames.item(), round(tracks.scores.item(), 3)))
    assert counts == [(1, 1, 0.8), (1, 2, 0.8), (2, 0, 0.8), (2, 1, 0.8)]
    assert tracks.motion.seconds.tolist() == [0.4]


def test_displacement_is_that_of_common_joints() -> None:
    """An arm appears and a leg disappears; the other joints move by (6, 8)."""
    before, now = people_at(0), people_at((6, 8))
    before.joint_scores[0, 5:8] = 0.1
    now.joint_scores[0, 13:] = 0.1
    now.joints[0, 13:] += 500
    now.boxes[0] += 100
    tracks = start_tracks(before)
    np.testing.assert_allclose(tracks.update(now, 0.1).anchor - tracks.anchor, [[6, 8]], atol=1e-3)


def test_motion_is_extrapolated_for_a_limited_time() -> None:
    tracks = start_tracks(people_at(0))
    for index in range(1, 31):
        tracks = tracks.update(people_at((20 * index, -10 * index)), index / 10)
    for elapsed in (0.0, 0.2, MAX_EXTRAPOLATION, 9.0):
        displacement = np.array([[200, -100]]) * min(elapsed, MAX_EXTRAPOLATION)
        np.testing.assert_allclose(tracks.mark_missed().predicted_displacement(3 + elapsed), displacement, atol=0.1)


def test_a_measured_position_counts_in_part() -> None:
    tracks = start_tracks(people_at(0))
    for index in range(1, 30):
        tracks = tracks.update(people_at(0), index / 10)
    tracks = tracks.update(people_at(10), 3.0)
    np.testing.assert_allclose(tracks.predicted_displacement(3.0), tracks.motion.position - tracks.anchor, rtol=1e-6)
    assert -9 < tracks.predicted_displacement(3.0)[0, 0] < -0.1


def test_appearance_is_averaged() -> None:
    tracks = start_tracks(people_at(0, 300, appearance=[RED, GREEN]))
    tracks = tracks.update(people_at(0, 300, appearance=[GREEN, GREEN]), 0.1)
    assert 0.8 < tracks.appearance.features[0, 0, 0] < 1
    np.testing.assert_allclose(tracks.appearance.features[1, :, 1], 1, rtol=1e-6)


@pytest.mark.parametrize("case", ["empty box", "no joints", "all joints equal"])
def test_degenerate_people_give_finite_values(case: str) -> None:
    poses = concatenate_poses(people_at(0), people_at(0))
    if case == "empty box":
        poses.boxes[:] = 0
    if case == "no joints":
        poses.joint_scores[:] = 0
    if case == "all joints equal":
        poses.joints[:] = 5
    tracks = start_tracks(poses).update(replace(poses, boxes=poses.boxes + 1), 0.1).mark_missed()
    for array in (tracks.areas, tracks.anchor, tracks.motion.position, tracks.motion.velocity, tracks.warped):
        assert np.isfinite(array).all()
    assert np.isfinite(tracks.predicted_displacement(5.0)).all()
