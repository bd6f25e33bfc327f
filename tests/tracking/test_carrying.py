"""Poses that the optical flow carries on, in place of the keypoint network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tracking.synthetic_people import RED, StubWarp, blank_frames, build_linker, panning_flow, people_at, start_tracks

from pose_track.structures.frames import Detections, Poses
from pose_track.structures.skeleton import COCO_17
from pose_track.tracking.carrying import Carrying
from pose_track.tracking.propagation import warp_tracks
from pose_track.tracking.tracks import Tracks

MOVE = (6.0, -4.0)


def followed(*positions: float, confidence: float = 1.0, detections: int = 2, score: float = 0.9) -> Tracks:
    """Tracks of people at these places, after a move of the image."""
    tracks = start_tracks(people_at(*positions, score=score, appearance=[RED] * len(positions)))
    tracks = replace(tracks, num_detections=np.full(len(positions), detections))
    return warp_tracks(tracks, StubWarp(MOVE, confidence))


def boxes_at(*positions: float, move: tuple[float, float] = MOVE) -> Detections:
    people = people_at(*((x + move[0], move[1]) for x in positions))
    return Detections(people.boxes, np.full(len(people), 0.7))  # type: ignore[arg-type]


def carried(tracks: Tracks, detected: Detections, **limits: float) -> tuple[Poses, list[bool]]:
    poses, is_needed = Carrying(**limits)(tracks, detected, COCO_17)  # type: ignore[arg-type]
    return poses, is_needed.tolist()


def test_a_pose_moves_with_the_flow_into_its_detected_box() -> None:
    poses, is_needed = carried(followed(0, 300), boxes_at(300, 900))
    assert is_needed == [False, True]
    moved = people_at((300 + MOVE[0], MOVE[1]), appearance=[RED])
    np.testing.assert_allclose(poses.joints, moved.joints, atol=1e-3)
    np.testing.assert_array_equal(poses.boxes, boxes_at(300).boxes)
    np.testing.assert_allclose(poses.joint_scores, moved.joint_scores)
    np.testing.assert_allclose(poses.features, moved.features)  # type: ignore[arg-type]
    assert poses.scores.tolist() == pytest.approx([0.9])


@pytest.mark.parametrize(
    "tracks",
    [
        followed(0, confidence=0.7),
        followed(0, detections=1),
        followed(0, score=0.4),
        followed(0).mark_missed(),
        followed(0, 30),  # people who overlap
    ],
    ids=["unsure flow", "new", "low score", "missed", "overlapping"],
)
def test_whoever_is_not_followed_surely_is_estimated(tracks: Tracks) -> None:
    poses, is_needed = carried(tracks, boxes_at(0))
    assert (len(poses), is_needed) == (0, [True])


def test_a_box_elsewhere_is_estimated() -> None:
    assert carried(followed(0), boxes_at(0, move=(40, 0)))[1] == [True]


def test_a_person_in_two_boxes_is_estimated() -> None:
    assert carried(followed(0), boxes_at(0, 20))[1] == [True, True]


def test_the_linker_carries_after_it_has_proposed() -> None:
    linker = build_linker(flow=panning_flow(*MOVE))
    for index, frame in enumerate(blank_frames(3)):
        linker.propose(frame)
        poses = people_at((index * MOVE[0], index * MOVE[1]))
        detected = Detections(poses.boxes, poses.scores)
        found, needed = linker.carry(detected, COCO_17)
        assert (len(found), len(needed)) == ((1, 0) if index == 2 else (0, 1))
        assert linker.assign(found if len(found) else poses, frame).tolist() == [1]


def test_without_a_flow_everybody_is_estimated() -> None:
    linker = build_linker()
    for frame in blank_frames(3):
        linker.assign(people_at(0), frame)
    found, needed = linker.carry(boxes_at(0), COCO_17)
    assert (len(found), len(needed)) == (0, 1)
